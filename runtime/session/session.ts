import type { PartnerView } from '../filesystem/partner-view';
import { Failure } from '../model/failure';
import type { User } from '../model/user';
import type { Clock, Timer } from '../ports/clock';
import type { Ids } from '../ports/ids';
import type { Log } from '../ports/log';
import type { Metrics } from '../ports/metrics';
import type { UserDirectory } from '../ports/user-directory';
import { encodeControlText } from '../protocol/charset';
import { type CommandLine, parseCommandLine } from '../protocol/command-line';
import { LineFramer } from '../protocol/line-framer';
import * as replies from '../protocol/replies';
import { encodeReply, type Reply, sanitise } from '../protocol/reply';
import type { ControlChannel, DataChannel, SessionHandler } from './channels';
import type { Result, Row } from './command';
import { CommandQueue } from './command-queue';
import { commandTable } from './command-table';
import type { Context } from './context';
import { failureReply } from './failure-reply';
import { checkAccess, checkReady, faultReply } from './gate';
import type { Login } from './login';
import { RunningTransfer } from './running-transfer';
import { type SessionLimits, SessionTimers, type TimeOut } from './session-timers';
import { SessionState } from './state';

/**
 * One control connection: bytes to lines, lines to commands, commands through the gate to their handler, what the handler returns to the client. It is the
 * only one that writes, so replies come in order, and the only one that decides what a lost connection means.
 */
export interface SessionOptions {
  readonly control: ControlChannel;
  readonly data: DataChannel;
  readonly openView: (user: () => User) => PartnerView;
  readonly users: UserDirectory;
  readonly login: Login;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly limits: SessionLimits;
}

const mostUnknown = 3;
const mostTooLong = 3;
const abortWait = 300;
/** What a web browser or a mail server would send: somebody lets a victim's client talk to us (cross-protocol attacks, CVE-2021-3618). */
const foreignVerbs = new Set(['GET', 'POST', 'HEAD', 'PUT', 'HELO', 'EHLO', 'CONNECT', 'OPTIONS']);

export class Session implements SessionHandler {
  readonly id: string;
  private readonly state = new SessionState();
  private readonly queue = new CommandQueue();
  private readonly timers: SessionTimers;
  private readonly log: Log;
  private readonly context: Context;
  private framer = new LineFramer();
  private user: User | undefined;
  private view: PartnerView | undefined;
  private working = false;
  private transfer: RunningTransfer | undefined;
  private abortTimer: Timer | undefined;
  private unknown = 0;
  private tooLong = 0;
  private quitSeen = false;
  private over = false;
  private closed = false;
  private draining = false;

  constructor(private readonly options: SessionOptions) {
    const { control, data, clock, login, ids, limits } = options;
    this.id = ids.session();
    this.log = options.log.with({ session: this.id, peer: control.peerAddress });
    this.timers = new SessionTimers(
      clock,
      limits,
      () => this.working || this.transfer !== undefined,
      (what) => this.timeOut(what),
    );
    const session = this;
    this.context = {
      id: this.id,
      state: this.state,
      control,
      data,
      clock,
      log: this.log,
      login,
      get user() {
        return session.requireUser();
      },
      get view() {
        if (!session.view) throw new Error('there is no view before login');
        return session.view;
      },
      mayFinish: () => !this.over || this.quitSeen,
      progress: () => this.transfer?.describe() ?? ['No transfer is running'],
      enter: (user) => this.enter(user),
      hasUnread: () => !this.queue.isEmpty || this.framer.hasPartial || control.hasUnread(),
    };
  }

  private requireUser(): User {
    if (!this.user) throw new Error('there is no user before login');
    return this.user;
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
    if (this.closed) return;
    this.abortTimer?.cancel();
    for (const framed of this.framer.push(chunk)) {
      if (framed.kind === 'answer') this.options.control.write(framed.bytes);
      else this.takeLine(framed.kind === 'line' ? framed.bytes : undefined);
      if (this.closed) return;
    }
    if (this.framer.pendingAbort) {
      // Sent as urgent data its LF is lost (Python's `abort`): it would wait for ever.
      this.abortTimer = this.options.clock.timer(abortWait, () => {
        for (const framed of this.framer.flushAbort()) if (framed.kind === 'line') this.takeLine(framed.bytes);
      });
    }
    if (this.queue.isFull) this.options.control.pause();
  }

  private takeLine(line: Buffer | undefined): void {
    this.timers.activity();
    const command = line && parseCommandLine(line);
    if (command?.verb === 'QUIT') this.quitSeen = true;
    if (command && this.transfer && this.actAtOnce(command)) return;
    this.queue.add(command ? { kind: 'command', command } : { kind: line ? 'malformed' : 'too-long' });
    void this.work();
  }

  /** ABOR, NOOP and STAT without a path do not wait for the end of a transfer (RFC 959 §4.1.3, RFC 1123 §4.1.3.3). */
  private actAtOnce({ verb, argument }: CommandLine): boolean {
    if (commandTable.get(verb)?.duringTransfer !== 'at once' || (verb === 'STAT' && argument?.length)) return false;
    if (verb === 'ABOR') this.transfer?.abort(new Failure('aborted', 'Transfer aborted.'));
    else if (verb === 'STAT') this.send(replies.status(this.transfer?.describe() ?? []));
    else this.send(replies.ok);
    return true;
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
        if (next.kind === 'too-long') this.refuseLine();
        else if (next.kind === 'malformed') this.refuseUnknown();
        else await this.execute(next.command);
      }
    } catch (error) {
      this.log.error('session.error', { cause: error });
      this.close(replies.internalError);
    } finally {
      this.working = false;
      this.timers.activity();
    }
    if (!this.queue.isEmpty && !this.transfer && !this.closed) void this.work();
    else if (this.draining && !this.transfer && !this.closed) this.close(replies.restarting);
  }

  private refuseLine(): void {
    this.send(replies.lineTooLong);
    if (++this.tooLong >= mostTooLong) this.close(replies.tooManyBadCommands);
  }

  private refuseUnknown(): void {
    this.send(replies.unknownCommand);
    if (!this.user && ++this.unknown >= mostUnknown) this.close(replies.tooManyBadCommands);
  }

  private async execute(command: CommandLine): Promise<void> {
    const { verb, argument } = command;
    if (!this.user && foreignVerbs.has(verb)) {
      this.log.warn('session.refused', { verb, text: 'the client speaks another protocol' });
      this.options.control.destroy();
      return;
    }
    const row = commandTable.get(verb);
    const began = this.options.clock.monotonic();
    let code: number | undefined;
    if (!row) {
      this.refuseUnknown();
      code = replies.unknownCommand.code;
    } else {
      if (verb !== 'RNTO') this.state.renameSource = undefined;
      code = await this.apply(row, await this.decide(row, argument));
      // Kept until the next transfer attempt, granted or refused (RFC 3659 §5.3).
      if (row.data === 'receive' || verb === 'RETR') this.state.restart = undefined;
    }
    const shown = row?.log === 'masked' ? '***' : argument && sanitise(argument.toString('utf8')).slice(0, 1024);
    this.log.info('command', {
      verb: row ? verb : '?',
      argument: row ? shown : undefined,
      code,
      ms: this.options.clock.monotonic() - began,
    });
  }

  /** Gate, then handler; whatever they throw that has a reply becomes it. */
  private async decide(row: Row<unknown>, argument: Buffer | undefined): Promise<Result> {
    const { state } = this;
    if (this.user && !(await this.refreshUser())) return { close: replies.accountDisabled };
    const refused = checkAccess(row, this.context);
    if (refused) return refused;
    const parsed = row.argument(argument, { cwd: state.cwd, legacyCharset: this.user?.switches.legacyCharset });
    if ('fault' in parsed) return this.refuse(row, faultReply(parsed));
    const early = checkReady(row, this.context);
    if (early) return this.refuse(row, early);
    try {
      return await row.run(parsed.value, this.context);
    } catch (error) {
      const reply = failureReply(error);
      if (!reply) throw error;
      if (error instanceof Failure && error.cause) this.log.warn('store.error', { text: error.message, cause: error.cause });
      return this.refuse(row, reply);
    }
  }

  /** A refused transfer must not leave its client waiting on a connection that has been made already. */
  private refuse(row: Row<unknown>, reply: Reply): Reply {
    if (row.data === 'send' || row.data === 'receive') this.options.data.refuse();
    return reply;
  }

  /** What the operator changed holds for the next command. */
  private async refreshUser(): Promise<boolean> {
    const stored = await this.options.users.find(this.requireUser().name);
    if (!stored?.user.enabled) return false;
    this.user = stored.user;
    return true;
  }

  private async apply(_row: Row<unknown>, result: Result): Promise<number | undefined> {
    if ('code' in result) {
      this.send(result);
      return result.code;
    }
    if ('close' in result) {
      this.close(result.close);
      return result.close.code;
    }
    if ('transfer' in result) {
      this.begin(result.transfer);
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
  private async changeProtection(result: Extract<Result, { startTls: Reply } | { stopTls: Reply }>): Promise<void> {
    const { control } = this.options;
    if (this.context.hasUnread()) {
      this.log.warn('session.refused', { text: 'bytes came behind a command that changes the protection: taken for an injection' });
      control.destroy();
      return;
    }
    this.framer = new LineFramer();
    this.queue.clear();
    try {
      if ('startTls' in result) {
        this.leave();
        this.timers.logout();
        await control.startTls(encodeReply(result.startTls, this.id));
      } else {
        await control.stopTls(encodeReply(result.stopTls, this.id));
        result.after();
        if (this.state.phase !== 'ready') {
          this.leave();
          this.timers.logout();
        }
      }
    } catch (error) {
      this.log.info('tls.failed', { cause: error });
      control.destroy();
    }
  }

  private enter(user: User): void {
    this.user = user;
    this.view = this.options.openView(() => this.requireUser());
    this.timers.login();
    this.log.info('login.ok', { partner: user.name, tls: this.options.control.tls()?.protocol, client: this.state.client || undefined });
  }

  private leave(): void {
    if (this.user) this.options.login.leave(this.user);
    this.user = undefined;
    this.view = undefined;
  }

  private begin(transfer: ConstructorParameters<typeof RunningTransfer>[0]): void {
    const { clock, metrics } = this.options;
    const running = new RunningTransfer(transfer, { clock, metrics, log: this.log.with({ partner: this.user?.name }) });
    this.transfer = running;
    this.send(transfer.opening);
    void running.run().then((ended) => {
      this.transfer = undefined;
      this.timers.activity();
      for (const reply of ended) this.send(reply);
      if (this.over) this.finish();
      else void this.work();
    });
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

  private timeOut(what: TimeOut): void {
    if (this.closed) return;
    const { loginTimeout, idleTimeout } = this.options.limits;
    if (what === 'login') this.close(replies.loginTooSlow(loginTimeout / 1000));
    else this.close(what === 'idle' ? replies.idleTooLong(idleTimeout / 1000) : replies.sessionTooLong);
  }

  drain(urgency: 'idle' | 'now'): void {
    this.draining = true;
    if (urgency === 'now') this.transfer?.abort(new Failure('shutdown', 'Server restarting.'));
    if (!this.transfer && !this.working && !this.closed) this.close(replies.restarting);
  }

  /** A client that said QUIT may leave while its last transfer ends; any other loss of the control connection means that it gave up. */
  ended(): void {
    if (this.over) return;
    this.over = true;
    this.abortTimer?.cancel();
    this.timers.stop();
    if (this.transfer && !this.quitSeen) this.transfer.abort(new Failure('control-lost', 'The control connection was lost.'));
    if (!this.transfer) this.finish();
  }

  private finish(): void {
    this.closed = true;
    this.options.data.close();
    this.leave();
    this.log.info('session.close');
  }
}
