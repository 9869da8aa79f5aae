import type { PartnerView } from '../filesystem/partner-view';
import { Failure } from '../model/failure';
import type { User } from '../model/user';
import type { Clock } from '../ports/clock';
import type { Ids } from '../ports/ids';
import type { SessionRow } from '../ports/lease-store';
import type { Log } from '../ports/log';
import type { Metrics } from '../ports/metrics';
import type { UserDirectory } from '../ports/user-directory';
import { encodeControlText } from '../protocol/charset';
import { type CommandLine, parseCommandLine } from '../protocol/command-line';
import * as replies from '../protocol/replies';
import { encodeReply, type Reply } from '../protocol/reply';
import { BadCommands, isForeign } from './bad-commands';
import { changeProtection, type ProtectionChange } from './change-protection';
import type { ControlChannel, DataChannel, SessionHandler } from './channels';
import type { Result, Row, Transfer } from './command';
import { CommandInput } from './command-input';
import { loggedArgument } from './command-log';
import { CommandQueue, type Queued } from './command-queue';
import { commandTable } from './command-table';
import type { Context } from './context';
import { dispatch } from './dispatch';
import { liveContext } from './live-context';
import { type Login, whyBarred } from './login';
import { RunningTransfer } from './running-transfer';
import type { SessionLimits } from './session-limits';
import { SessionTimers, type TimeOut } from './session-timers';
import { SessionState } from './state';

/**
 * One control connection: bytes to lines, lines to commands, commands through the gate to their handler, what the handler returns to the client. It is the
 * only one that writes, so replies come in order, and the only one that decides what a lost connection means. Long, because it is the one place where input,
 * work and end of a session meet; each of them alone could not say what the others are doing.
 */
export interface SessionOptions {
  readonly control: ControlChannel;
  readonly data: DataChannel;
  /** `client`: the address that is noted with what he uploads. */
  readonly openView: (user: () => User, client: string) => PartnerView;
  readonly users: UserDirectory;
  readonly login: Login;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly limits: SessionLimits;
}

/** A command that takes longer is answered around: NOOP and STAT must not look dead behind a slow rename. Quick ones keep the replies in their order. */
const slowAfter = 1_000;

/** Long enough that a client between two files is not sent away. */
const lastSilence = 10_000;

export class Session implements SessionHandler {
  readonly id: string;
  private readonly state = new SessionState();
  private readonly queue = new CommandQueue();
  private readonly badCommands = new BadCommands();
  private readonly timers: SessionTimers;
  private readonly context: Context;
  private log: Log;
  private readonly input: CommandInput;
  private user: User | undefined;
  private view: PartnerView | undefined;
  private working = false;
  /** The handler that runs now. */
  private handling: { readonly row: Row<unknown>; readonly since: number } | undefined;
  private transfer: RunningTransfer | undefined;
  private quitSeen = false;
  /** Why a transfer that is still being prepared must not run any more. */
  private cutOff: Failure | undefined;
  /** Nothing can be written any more. */
  private over = false;
  /** The last reply has been written. */
  private closed = false;
  /** The server goes down. Soon: the next silence is the moment to leave. */
  private leaving: 'soon' | 'now' | undefined;
  private farewell: Reply = replies.restarting;
  private readonly begun: number;
  private tellFinished: () => void = () => undefined;
  readonly finished = new Promise<void>((resolve) => {
    this.tellFinished = resolve;
  });

  constructor(private readonly options: SessionOptions) {
    const { control, clock, ids, limits } = options;
    this.id = ids.session();
    this.begun = clock.now();
    this.log = this.ownLog();
    this.input = new CommandInput(
      clock,
      limits.lineLength,
      (line) => this.takeLine(line),
      (bytes) => control.write(bytes),
    );
    this.timers = new SessionTimers(
      clock,
      limits,
      () => this.working || this.transfer !== undefined,
      (what) => this.timeOut(what),
    );
    this.context = liveContext(
      {
        ...options,
        id: this.id,
        state: this.state,
        mayFinish: () => !this.over || this.quitSeen,
        progress: () => this.transfer?.describe() ?? ['No transfer is running'],
        enter: (user) => this.enter(user),
        leave: () => this.leave(),
        barred: () => this.refreshUser(),
      },
      { log: () => this.log, user: () => this.user, view: () => this.view },
    );
  }

  private ownLog(): Log {
    return this.options.log.with({ session: this.id, peer: this.options.control.peerAddress });
  }

  get transferring(): boolean {
    return this.transfer !== undefined;
  }

  greet(): void {
    if (this.options.control.implicit) this.state.reset('private');
    this.log.info('session.open', { text: this.options.control.implicit ? 'implicit' : 'explicit' });
    this.send(replies.greeting(this.id));
  }

  bytes(chunk: Buffer): void {
    if (this.closed || this.over) return;
    this.input.push(chunk);
    if (this.queue.isFull) this.options.control.pause();
  }

  private takeLine(line: Buffer | undefined): void {
    if (this.closed) return;
    this.timers.activity();
    const command = line && parseCommandLine(line);
    if (command?.verb === 'QUIT') this.quitSeen = true;
    if (command && this.actAtOnce(command)) return;
    this.queue.add(command ? { kind: 'command', command } : { kind: line ? 'malformed' : 'too-long' });
    void this.work();
  }

  /**
   * ABOR, NOOP and STAT without a path do not wait for the end of a transfer (RFC 959 §4.1.3, RFC 1123 §4.1.3.3), nor for a slow command. Only ABOR overtakes
   * what waits already: the replies to everything else come in the order of the commands.
   */
  private actAtOnce({ verb, argument }: CommandLine): boolean {
    const row = commandTable.get(verb);
    if (row?.duringTransfer !== 'at once' || (verb === 'STAT' && argument?.length)) return false;
    if (verb === 'ABOR' && this.transfer) this.abort(this.transfer);
    else if (!this.queue.isEmpty || !(this.transfer || this.isSlow(verb))) return false;
    else this.send(verb === 'ABOR' ? replies.nothingToAbort : verb === 'STAT' ? this.brieflySaid() : replies.ok);
    this.log.info('command', { verb, text: 'at once' });
    return true;
  }

  private brieflySaid(): Reply {
    return replies.status(this.transfer?.describe() ?? ['The command before is being worked on']);
  }

  private abort(transfer: RunningTransfer): void {
    transfer.abort(new Failure('aborted', 'Transfer aborted.'));
  }

  /** ABOR behind a transfer that is being prepared is meant for it, and is kept until it begins. */
  private isSlow(verb: string): boolean {
    if (!this.user || !this.handling) return false;
    const { row, since } = this.handling;
    if (verb === 'ABOR' && (row.data === 'send' || row.data === 'receive')) return false;
    return this.options.clock.monotonic() - since >= slowAfter;
  }

  /** One command after the other. Nothing here may throw: a bug costs this session, not the process. */
  private async work(): Promise<void> {
    if (this.working || this.transfer) return;
    this.working = true;
    try {
      while (!this.closed && !this.transfer) {
        const next = this.queue.take();
        if (!next) break;
        if (!this.queue.isFull) this.options.control.resume();
        await this.execute(next);
        await this.queue.turn();
      }
    } catch (error) {
      this.fail(error);
    } finally {
      this.working = false;
      this.timers.activity();
    }
    if (this.transfer) return;
    if (this.over) this.finish();
    else if (this.leaving === 'now' && !this.closed) this.close(this.farewell);
  }

  private fail(error: unknown): void {
    this.log.error('session.error', { cause: error });
    this.close(replies.internalError);
  }

  private async execute(queued: Queued): Promise<void> {
    const { clock } = this.options;
    const began = clock.monotonic();
    const command = queued.kind === 'command' ? queued.command : undefined;
    const verb = command?.verb ?? '';
    const row = commandTable.get(verb);
    if (!this.user && isForeign(verb)) {
      this.drop('the client speaks another protocol');
      return;
    }
    // Also by a command that nobody knows: RNTO must follow directly (RFC 959 §4.1.3).
    if (verb !== 'RNTO') this.state.renameSource = undefined;
    let code: number;
    if (row) {
      this.handling = { row, since: began };
      const result = await dispatch(row, command?.argument, this.context);
      this.handling = undefined;
      if (verb === 'RNTO') this.state.renameSource = undefined;
      // Kept until the next transfer attempt, granted or refused (RFC 3659 §5.3).
      if (row.data === 'receive' || verb === 'RETR') this.state.restart = undefined;
      code = await this.apply(result, verb);
    } else {
      const { reply, farewell } = this.badCommands.answer(queued.kind === 'too-long' ? 'too-long' : 'unknown', this.user !== undefined);
      code = reply.code;
      this.send(reply);
      if (farewell) this.close(farewell);
    }
    const shown = loggedArgument(row, command?.argument);
    this.log.info('command', { verb: row ? verb : '?', argument: shown, code, ms: clock.monotonic() - began });
  }

  private async refreshUser(): Promise<Reply | undefined> {
    if (!this.user) return undefined;
    const stored = await this.options.users.find(this.user.name);
    const barred = whyBarred(stored?.user, this.options.control.peerAddress);
    if (stored && !barred) this.user = stored.user;
    return barred && (barred === 'address not allowed' ? replies.addressBarred : replies.accountDisabled);
  }

  private async apply(result: Result, verb: string): Promise<number> {
    if ('code' in result) {
      this.send(result);
      return result.code;
    }
    if ('close' in result) {
      this.close(result.close);
      return result.close.code;
    }
    if ('transfer' in result) {
      this.begin(result.transfer, verb);
      return result.transfer.opening.code;
    }
    if ('abort' in result) {
      this.options.data.close();
      this.send(replies.nothingToAbort);
      return replies.nothingToAbort.code;
    }
    await this.changeProtection(result);
    return 'startTls' in result ? result.startTls.code : result.stopTls.code;
  }

  /** Nothing that came before may be read after the change, in either direction: the framer and the queue are new. */
  private async changeProtection(result: ProtectionChange): Promise<void> {
    const { control } = this.options;
    if (!this.queue.isEmpty || this.input.hasPartial || control.hasUnread()) {
      this.drop('bytes came behind a command that changes the protection: taken for an injection');
      return;
    }
    this.input.renew();
    try {
      await changeProtection(control, result, this.id);
    } catch (error) {
      this.log.info('tls.failed', { cause: error });
      this.closed = true;
      control.destroy();
    }
  }

  private enter(user: User): void {
    this.user = user;
    this.view = this.options.openView(() => this.context.user, this.options.control.peerAddress);
    this.timers.login();
    this.log = this.ownLog().with({ partner: user.name });
    this.log.info('login.ok', { tls: this.options.control.tls()?.protocol, client: this.state.client || undefined });
  }

  private leave(): void {
    if (!this.user) return;
    this.options.login.leave(this.user, { address: this.options.control.peerAddress, session: this.id });
    this.user = undefined;
    this.view = undefined;
    this.log = this.ownLog();
    this.timers.logout();
  }

  private begin(transfer: Transfer, verb: string): void {
    const { clock, metrics } = this.options;
    const running = new RunningTransfer(transfer, { verb, clock, metrics, log: this.log });
    this.transfer = running;
    this.send(transfer.opening);
    // Both may have come while the transfer was being prepared.
    while (this.queue.remove('ABOR')) this.abort(running);
    if (this.cutOff) running.abort(this.cutOff);
    void running.run().then((ended) => {
      this.transfer = undefined;
      this.timers.activity();
      for (const reply of ended) this.send(reply);
      if (running.bug) this.fail(running.bug);
      void this.work();
    });
  }

  /** Stops what runs, and what would begin to run after a command that is being worked on. */
  private cut(reason: Failure): void {
    this.cutOff ??= reason;
    this.transfer?.abort(reason);
  }

  private send(reply: Reply): void {
    if (!this.closed && !this.over)
      this.options.control.write(encodeControlText(encodeReply(reply, this.id), this.user?.switches.legacyCharset));
  }

  private close(reply: Reply): void {
    this.send(reply);
    this.closed = true;
    this.state.phase = 'closing';
    this.options.control.end();
  }

  /** Without a word: whoever sent this is no client of ours, or not alone on the line. */
  private drop(text: string): void {
    this.log.warn('session.refused', { text });
    this.closed = true;
    this.options.control.destroy();
  }

  private timeOut(what: TimeOut): void {
    if (this.closed) return;
    const { loginTimeout, idleTimeout } = this.options.limits;
    if (this.leaving) this.close(this.farewell);
    else if (what === 'login') this.close(replies.loginTooSlow(loginTimeout / 1000));
    else this.close(what === 'idle' ? replies.idleTooLong(idleTimeout / 1000) : replies.sessionTooLong);
  }

  drain(urgency: 'soon' | 'idle' | 'now'): void {
    this.leaving = urgency === 'soon' ? 'soon' : 'now';
    if (urgency === 'soon') this.timers.hasten(lastSilence);
    else this.depart(urgency === 'now' ? new Failure('shutdown', 'Server restarting.') : undefined);
  }

  private depart(reason: Failure | undefined): void {
    if (reason) this.cut(reason);
    if (!this.transfer && !this.working && !this.closed) this.close(this.farewell);
  }

  /** The operator ends this one, as all are ended when the server goes down: what was received is kept. */
  kick(): void {
    this.farewell = replies.kicked;
    this.leaving = 'now';
    this.depart(new Failure('shutdown', 'Ended by the operator.'));
  }

  /** For the operator's list. */
  get shown(): Omit<SessionRow, 'task'> {
    const { id, begun, user, transfer } = this;
    return { id, client: this.options.control.peerAddress, user: user?.name, begun, transfer: transfer?.shown };
  }

  /**
   * A client that said QUIT may leave: what it asked for before is carried out. Any other loss of the control connection means that it gave up; commands that
   * wait are forgotten, and a command that is being worked on is waited for, so that what it holds is given back.
   */
  ended(): void {
    if (this.over) return;
    this.over = true;
    this.input.stop();
    this.timers.stop();
    if (!this.quitSeen) {
      this.queue.clear();
      this.cut(new Failure('control-lost', 'The control connection was lost.'));
    }
    if (!this.transfer && !this.working) this.finish();
  }

  private finish(): void {
    this.closed = true;
    this.options.data.close();
    this.leave();
    this.timers.stop();
    this.log.info('session.close');
    this.tellFinished();
  }
}
