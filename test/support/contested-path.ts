import { MemoryMetadataStore } from '../../runtime/adapters/memory/memory-metadata-store';
import { MemoryObjectStore } from '../../runtime/adapters/memory/memory-object-store';
import type { Filesystem, FilesystemLimits } from '../../runtime/filesystem/filesystem';
import type { PartnerView, UploadMode } from '../../runtime/filesystem/partner-view';
import { recover, sweep } from '../../runtime/filesystem/sweeper';
import { Failure } from '../../runtime/model/failure';
import type { ByteSource } from '../../runtime/ports/byte-source';
import { accepts, at, makeFilesystem, makeUser, never, type TestStores, viewOf } from './filesystem';
import { bringToRest, checkAtRest, watchStores } from './invariants';
import { type Change, Ledger } from './ledger';
import { SeededScheduler, type SimulatedProcess } from './seeded-scheduler';

/**
 * One path, or two with a rename between them, and everybody who can change it at once: two writers whose connections break, one who deletes, one who
 * renames, one who reads and lists, the sweeper, a consumer and an operator outside; and the process dies in the middle and is started again. One file,
 * because what each of them does is a few lines on the same world.
 */
export interface Contest {
  readonly seed: number;
  readonly actors: readonly Actor[];
  /** Writers and appender are sessions of one account. */
  readonly sameAccount?: boolean;
  readonly crash?: boolean;
  readonly faults?: number;
  /** Bytes that are never told as received. */
  readonly heldBack?: number;
  /** What is between the rules and the stores, or the client: where a test plants a bug. */
  readonly plant?: Plant;
  readonly limits?: Partial<FilesystemLimits>;
}

export interface Plant {
  readonly stores?: (stores: TestStores, objects: MemoryObjectStore) => TestStores;
  readonly source?: (source: ByteSource) => ByteSource;
  /** The filesystem as the sweeper has it. */
  readonly sweeper?: (fs: Filesystem) => Filesystem;
}

export type Actor =
  | 'writer'
  | 'second writer'
  | 'late writer'
  | 'appender'
  | 'deleter'
  | 'renamer'
  | 'reader'
  | 'sweeper'
  | 'consumer'
  | 'operator';

export const everybody: readonly Actor[] = [
  'writer',
  'second writer',
  'appender',
  'deleter',
  'renamer',
  'reader',
  'sweeper',
  'consumer',
  'operator',
];

export interface Outcome {
  readonly violations: readonly string[];
  readonly trace: readonly string[];
  readonly ledger: Ledger;
}

export async function runContest(contest: Contest): Promise<Outcome> {
  const ledger = new Ledger();
  const objects = new MemoryObjectStore({ heldBack: contest.heldBack });
  const scheduler = new SeededScheduler({
    seed: contest.seed,
    faults: contest.faults,
    stickiness: (contest.seed % 4) / 4,
    haste: contest.seed % 3 === 0 ? 0.05 : 0.005,
    onStep: () => ledger.look(objects),
  });
  const watched = watchStores({ metadata: new MemoryMetadataStore(), objects }, ledger);
  const stores = contest.plant?.stores?.(watched, objects) ?? watched;
  const world = new World(contest, scheduler, stores, objects, ledger);
  const first = scheduler.process('first');
  const outside = scheduler.process('outside', false);
  world.open(first, 'first');
  const sessions = world.start(first, 'first', contest.actors);
  const outsiders = world.outsiders(outside, contest.actors);
  let last = first;
  if (contest.crash) {
    const crashed = world.crashSometime(first, outside).then(async () => {
      last = scheduler.process('second', false);
      await recover(world.open(last, 'second'));
      await Promise.all(world.start(last, 'second', contest.actors));
    });
    await scheduler.run([crashed, ...sessions, ...outsiders]);
  } else {
    await scheduler.run([...sessions, ...outsiders]);
  }
  scheduler.stopFaults();
  // What a handler could not even write down is found when the process starts again.
  const quiet = contest.faults ? scheduler.process('last') : last;
  const fs = contest.faults ? world.open(quiet, 'last') : world.filesystemOf(last);
  if (contest.faults) {
    await scheduler.crash(last);
    await scheduler.run([recover(fs)]);
  }
  await bringToRest(
    { ...fs, ...quiet.wrap(stores, 'rest') },
    (milliseconds) => scheduler.pass(milliseconds),
    (work) => scheduler.run([work]),
  );
  const violations = await checkAtRest({ ...fs, ...stores }, objects, ledger);
  const takenOver = ledger.operations.filter(({ reason }) => reason === 'taken-over').length;
  if (takenOver > 0 && !contest.crash && !contest.faults) violations.push('somebody took over an upload that a living session worked on');
  return { violations, trace: scheduler.trace, ledger };
}

interface Session {
  readonly fs: Filesystem;
  readonly view: PartnerView;
  readonly who: string;
  /** Somebody else may have a turn. */
  readonly pause: () => Promise<unknown>;
}

class World {
  private readonly made = new Map<SimulatedProcess, Filesystem>();
  private sent = 0;

  constructor(
    private readonly contest: Contest,
    private readonly scheduler: SeededScheduler,
    private readonly stores: TestStores,
    private readonly objects: MemoryObjectStore,
    private readonly ledger: Ledger,
  ) {}

  open(process: SimulatedProcess, task: string): Filesystem {
    const fs = makeFilesystem(process.wrap(this.stores, `${task} background`), process.clock, task, this.contest.limits);
    this.made.set(process, fs);
    return fs;
  }

  filesystemOf(process: SimulatedProcess): Filesystem {
    return this.made.get(process) as Filesystem;
  }

  start(process: SimulatedProcess, task: string, actors: readonly Actor[]): Promise<unknown>[] {
    const fs = this.filesystemOf(process);
    const acting: Partial<Record<Actor, (session: Session) => Promise<void>>> = {
      writer: (session) => this.write(session),
      'second writer': (session) => this.write(session),
      'late writer': (session) => this.write(session),
      appender: (session) => this.append(session),
      deleter: (session) => this.delete(session),
      renamer: (session) => this.rename(session),
      reader: (session) => this.read(session),
      sweeper: (session) => this.sweep(session),
    };
    return actors.flatMap((actor) => {
      const act = acting[actor];
      if (!act) return [];
      const who = `${task} ${actor}`;
      const own: Filesystem = { ...fs, ...process.wrap(this.stores, who) };
      const account = this.contest.sameAccount && (actor === 'second writer' || actor === 'appender') ? 'writer' : actor;
      const session: Session = { fs: own, view: viewOf(own, makeUser({ name: account })), who, pause: () => process.point(who, 'goes on') };
      const begin = async () => {
        // Whoever changes or reads what is there comes when something may be there.
        for (let wait = this.scheduler.pick(latest[actor] ?? 20); wait > 0; wait--) await session.pause();
        await act(session);
      };
      return [Promise.race([begin(), process.death])];
    });
  }

  outsiders(process: SimulatedProcess, actors: readonly Actor[]): Promise<unknown>[] {
    const outside = async (who: Actor, act: (key: string) => void) => {
      for (let times = 1 + this.scheduler.pick(2); times > 0; times--) {
        // Somewhere in the run, not at its begin.
        for (let wait = this.scheduler.pick(25); wait >= 0; wait--) await process.point(who, 'waits');
        act(this.scheduler.chance(0.7) ? 'acme/a' : 'acme/b');
      }
    };
    const acting: Partial<Record<Actor, (key: string) => void>> = {
      consumer: (key) => {
        const content = this.objects.take(key)?.toString();
        if (content !== undefined) this.ledger.atOnce('consumer', { kind: 'take', key, content });
      },
      operator: (key) => {
        const content = `placed${this.sent++}`;
        this.ledger.atOnce('operator', { kind: 'place', key, content });
        this.objects.place(key, Buffer.from(content));
        this.ledger.look(this.objects);
      },
    };
    return actors.flatMap((actor) => {
      const act = acting[actor];
      return act ? [outside(actor, act)] : [];
    });
  }

  async crashSometime(process: SimulatedProcess, outside: SimulatedProcess): Promise<void> {
    for (let wait = this.scheduler.pick(40); wait >= 0; wait--) await outside.point('crash', 'waits');
    await this.scheduler.crash(process);
  }

  private newContent(who: string): string {
    const number = this.sent++;
    // Its first character alone says which one it is, so that the shortest cut does.
    return `${alphabet[number % alphabet.length]}${number} ${who} `.padEnd(24 + (number % 7), '.');
  }

  /** Sends a file, sometimes cut in the middle; then asks for the size and goes on, or gives up. */
  private async write(session: Session): Promise<void> {
    for (let files = 1 + this.scheduler.pick(2); files > 0; files--) {
      const content = this.newContent(session.who);
      await this.doing(session, { kind: 'put', key: 'acme/a', content }, () => this.sendInPieces(session, content));
    }
  }

  private async sendInPieces(session: Session, content: string): Promise<void> {
    let how: UploadMode = { kind: 'new' };
    for (let from = 0, tries = 0; ; tries++) {
      const cutAt = this.scheduler.chance(0.4) ? from + this.scheduler.pick(content.length - from + 1) : undefined;
      try {
        await this.send(session, content.slice(from), cutAt === undefined ? undefined : cutAt - from, how);
        return;
      } catch (error) {
        if (!(error instanceof Failure) || error.kind !== 'cut' || tries > 1 || this.contest.sameAccount) throw error;
        const shown = await session.view.stat(at('/a'), 'size');
        // A client cannot know whether this is its own cut upload; here it does, for what it cannot know is not what is looked for.
        if (!shown.parked) throw error;
        if (shown.size >= content.length)
          this.ledger.violations.push('a cut upload showed its client all that it has: it would send nothing');
        from = shown.size;
        how = this.scheduler.chance(0.5) ? { kind: 'append' } : { kind: 'at', offset: from };
      }
    }
  }

  private async send({ view, pause }: Session, content: string, cutAt: number | undefined, how: UploadMode): Promise<void> {
    const upload = await view.prepareUpload(at('/a'), how);
    const source: ByteSource = {
      deliver: async (accept, ready) => {
        for (let index = 0; index < content.length; index += 5) {
          if (cutAt !== undefined && index >= cutAt) break;
          if (!accept(Buffer.from(content.slice(index, Math.min(index + 5, cutAt ?? content.length))))) await ready();
          await pause();
        }
        if (cutAt !== undefined) throw new Failure('cut', 'The connection was reset.');
      },
    };
    await upload.receive(this.contest.plant?.source?.(source) ?? source, accepts, never());
  }

  private async append(session: Session): Promise<void> {
    const content = this.newContent(session.who);
    await this.doing(session, { kind: 'append', key: 'acme/a', content }, () => this.send(session, content, undefined, { kind: 'append' }));
  }

  private async delete(session: Session): Promise<void> {
    for (let times = 1 + this.scheduler.pick(2); times > 0; times--) {
      await this.doing(session, { kind: 'delete', key: 'acme/a' }, () => session.view.deleteFile(at('/a')));
    }
  }

  private async rename(session: Session): Promise<void> {
    const { view } = session;
    for (let times = 1 + this.scheduler.pick(2); times > 0; times--) {
      const back = this.scheduler.chance(0.3);
      const [from, to] = back ? ['b', 'a'] : ['a', 'b'];
      await this.doing(session, { kind: 'rename', key: `acme/${from}`, to: `acme/${to}` }, async () => {
        await view.rename(await view.prepareRename(at(`/${from}`)), at(`/${to}`));
      });
    }
  }

  private async read(session: Session): Promise<void> {
    const { view, pause } = session;
    for (let times = 2; times > 0; times--) {
      await unlessUnavailable(async () => {
        for await (const _ of await view.list(at('/'))) await pause();
      });
      const change: Change & { kind: 'read' } = { kind: 'read', key: 'acme/a' };
      await this.doing(session, change, async () => {
        const file = await view.open(at('/a'), 0);
        const chunks: Buffer[] = [];
        for await (const chunk of await file.read(never())) chunks.push(chunk);
        change.content = Buffer.concat(chunks).toString();
        if (change.content.length !== file.size) this.ledger.violations.push(`${change.content.length} bytes were read of ${file.size}`);
      });
    }
  }

  private async sweep({ fs }: Session): Promise<void> {
    const own = this.contest.plant?.sweeper?.(fs) ?? fs;
    for (let times = 3; times > 0; times--) await unlessUnavailable(() => sweep(own, { isDead: () => false }));
  }

  private async doing({ who }: Session, change: Change, work: () => Promise<void>): Promise<void> {
    const operation = this.ledger.begin(who, change);
    try {
      await work();
      this.ledger.end(operation, 'done');
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      this.ledger.end(operation, undecided.has(error.kind) ? 'unknown' : 'refused', error.kind);
    }
  }
}

/** At which turn of their own they begin at the latest, where it is not 20. */
const latest: Partial<Record<Actor, number>> = { writer: 1, 'second writer': 1, 'late writer': 60 };

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';

/** After these a client cannot know whether its change will appear. */
const undecided: ReadonlySet<string> = new Set(['unconfirmed', 'store-unavailable', 'taken-over']);

async function unlessUnavailable(work: () => Promise<unknown>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof Failure && error.kind === 'store-unavailable')) throw error;
  }
}
