import { MemoryLeaseStore } from '../../runtime/adapters/memory/memory-lease-store';
import { MemoryUserDirectory } from '../../runtime/adapters/memory/memory-user-directory';
import { alone } from '../../runtime/filesystem/filesystem';
import type { PartnerView } from '../../runtime/filesystem/partner-view';
import { allRights, defaultSwitches, type User, type UserSwitches } from '../../runtime/model/user';
import type { Ids } from '../../runtime/ports/ids';
import type { EventName, Log, LogFields } from '../../runtime/ports/log';
import type { MetricName, Metrics } from '../../runtime/ports/metrics';
import type { UserDirectory } from '../../runtime/ports/user-directory';
import { LockOut } from '../../runtime/session/lock-out';
import { Login } from '../../runtime/session/login';
import { Seats } from '../../runtime/session/seats';
import { Session } from '../../runtime/session/session';
import type { SessionLimits } from '../../runtime/session/session-limits';
import { FakeClock, settle } from '../support/fake-clock';
import { FakeControl, FakeData } from './fake-channels';
import { FakeView } from './fake-view';

/**
 * A session between two fakes, and a way to read a test as the dialogue it is:
 *
 *     > USER alice          sent, CRLF added
 *     < 331 Password        the next line that came, compared up to the end of what is written here
 *     + 3000                so many milliseconds pass
 *
 * A block says everything: a line that came and is not written down fails it.
 */
export interface Dialogue {
  readonly session: Session;
  readonly control: FakeControl;
  readonly data: FakeData;
  readonly view: FakeView;
  readonly clock: FakeClock;
  readonly logged: { readonly level: string; readonly event: EventName; readonly fields: LogFields }[];
  readonly counted: Map<MetricName, number>;
  readonly users: UserDirectory;
  readonly shared: Shared;
  say(script: string): Promise<void>;
  /** Sends one command and gives everything that came back. */
  ask(command: string): Promise<string>;
  send(text: string | Buffer): Promise<void>;
  /** What came and has not been read. */
  received(): string;
  change(user: Partial<User>): Promise<void>;
}

/** What sessions of one server have in common. */
export interface Shared {
  readonly clock: FakeClock;
  readonly users: UserDirectory;
  readonly login: Login;
  readonly logged: Dialogue['logged'];
  readonly counted: Dialogue['counted'];
  /** What the hasher was asked to compare with. */
  readonly verified: (readonly string[])[];
  readonly ids: Ids;
}

export interface Start {
  readonly implicit?: boolean;
  readonly user?: Partial<User>;
  readonly switches?: Partial<UserSwitches>;
  readonly limits?: Partial<SessionLimits>;
  /** A view of real rules instead of the fake one. */
  readonly openView?: (user: () => User) => PartnerView;
  readonly shared?: Shared;
  readonly control?: FakeControl;
  /** How far it goes before the test begins; default `ready`. */
  readonly until?: 'connected' | 'greeted' | 'secured' | 'ready';
}

export const password = 'correct horse';

const dialogueLimits: SessionLimits = {
  loginTimeout: 30_000,
  idleTimeout: 300_000,
  longestSession: 24 * 3_600_000,
  lineLength: 4_096,
  loginFailures: 3,
  statusEntries: 1_000,
  giveUpAfter: 300_000,
};

export function makeUser(changes: Partial<User> = {}, switches: Partial<UserSwitches> = {}): User {
  return {
    name: 'alice',
    home: 'alice',
    enabled: true,
    passwordHashes: [`hash of ${password}`],
    rights: allRights,
    directories: {},
    allowedAddresses: [],
    switches: { ...defaultSwitches, ...switches },
    created: 0,
    ...changes,
  };
}

export async function share(users: readonly User[]): Promise<Shared> {
  const clock = new FakeClock();
  const directory = new MemoryUserDirectory();
  for (const user of users) await directory.put(user, 'absent');
  const logged: Shared['logged'] = [];
  const counted: Shared['counted'] = new Map();
  const verified: (readonly string[])[] = [];
  const leases = new MemoryLeaseStore(clock);
  const ids = makeIds();
  const login = new Login({
    users: directory,
    hasher: {
      hash: async (secret) => `hash of ${secret}`,
      verify: async (hashes, secret) => {
        verified.push(hashes);
        return hashes.includes(`hash of ${secret}`);
      },
    },
    lockOut: new LockOut(leases, 10, 30 * 60_000),
    seats: new Seats({ leases, task: 'task', fleet: alone, log: noteInto(logged) }),
    sessionsPerUser: 50,
    sessionsPerAddress: 100,
    clock,
    ids,
    metrics: countInto(counted),
  });
  return { clock, users: directory, login, logged, counted, verified, ids };
}

const makeIds = (): Ids => {
  let sessions = 0;
  return { session: () => `s-TEST${String(++sessions).padStart(2, '0')}`, token: () => 'token', random: () => 500 };
};

/** Of a distribution only how many values it has. */
function countInto(counted: Shared['counted']): Metrics {
  const count = (name: MetricName, by = 1) => void counted.set(name, (counted.get(name) ?? 0) + by);
  return { count, gauge: () => undefined, observe: (name) => count(name) };
}

function noteInto(logged: Shared['logged'], base: LogFields = {}): Log {
  const note = (level: string) => (event: EventName, fields?: LogFields) =>
    void logged.push({ level, event, fields: { ...base, ...fields } });
  return {
    debug: note('debug'),
    info: note('info'),
    warn: note('warn'),
    error: note('error'),
    with: (more) => noteInto(logged, { ...base, ...more }),
  };
}

export async function startDialogue(start: Start = {}): Promise<Dialogue> {
  const user = makeUser(start.user, start.switches);
  const shared = start.shared ?? (await share([user]));
  const { clock, users, login, logged, counted, ids } = shared;
  const control = start.control ?? new FakeControl(start.implicit);
  const data = new FakeData();
  let current = () => user;
  const view = new FakeView(() => current());
  const session = new Session({
    control,
    data,
    openView: (now) => {
      current = now;
      return start.openView?.(now) ?? view;
    },
    users,
    login,
    clock,
    ids,
    log: noteInto(logged),
    metrics: countInto(counted),
    limits: { ...dialogueLimits, ...start.limits },
  });
  let read = 0;
  const received = () => {
    // Sessions differ, scripts do not care which one it is.
    const text = control.text.slice(read).replace(/s-TEST\d\d/g, 's-TEST01');
    read = control.text.length;
    return text;
  };
  const send = async (text: string | Buffer) => {
    session.bytes(Buffer.from(text as string));
    await settle(3);
  };
  const dialogue: Dialogue = {
    session,
    control,
    data,
    view,
    clock,
    logged,
    counted,
    users,
    shared,
    received,
    send,
    ask: async (command) => {
      await send(`${command}\r\n`);
      return received();
    },
    say: async (script) => {
      const expected: string[] = [];
      const compare = () => {
        const lines = received().split('\r\n').slice(0, -1);
        expect(
          lines.map((line, index) => (expected[index] !== undefined && line.startsWith(expected[index]) ? expected[index] : line)),
        ).toEqual(expected);
        expected.length = 0;
      };
      for (const line of script.split('\n').map((each) => each.replace(/^ */, ''))) {
        if (line.startsWith('> ')) {
          compare();
          await send(`${line.slice(2)}\r\n`);
        } else if (line.startsWith('+ ')) {
          await clock.advance(Number(line.slice(2)));
        } else if (line.startsWith('< ')) {
          expected.push(line.slice(2));
        } else if (line.trim() !== '') {
          throw new Error(`neither sent nor expected: ${line}`);
        }
      }
      compare();
    },
    change: async (changes) => {
      const stored = await users.find(user.name);
      if (stored) await users.put({ ...stored.user, ...changes }, stored.revision);
    },
  };
  const until = start.until ?? 'ready';
  if (until === 'connected') return dialogue;
  session.greet();
  await dialogue.say('< 220 FTPS server ready s-TEST01');
  if (until === 'greeted') return dialogue;
  if (!start.implicit) await dialogue.say('> AUTH TLS\n< 234');
  if (until === 'secured') return dialogue;
  await dialogue.say(`> USER ${user.name}\n< 331\n> PASS ${password}\n< 230`);
  if (!start.implicit) await dialogue.say('> PBSZ 0\n< 200 PBSZ=0\n> PROT P\n< 200');
  return dialogue;
}
