import { MemoryLeaseStore } from '../../runtime/adapters/memory/memory-lease-store';
import type * as newUpload from '../../runtime/filesystem/new-upload';
import type * as park from '../../runtime/filesystem/park';
import type * as pathClaim from '../../runtime/filesystem/path-claim';
import type * as resume from '../../runtime/filesystem/resume';
import type * as shadow from '../../runtime/filesystem/shadow';
import { sweep } from '../../runtime/filesystem/sweeper';
import { TaskObserver } from '../../runtime/filesystem/task-observer';
import type { Failure } from '../../runtime/model/failure';
import { runContest } from '../support/contested-path';
import type * as doctored from '../support/doctored';
import { restoreAll } from '../support/doctored';
import { FakeClock } from '../support/fake-clock';
import { accepts, at, makeFilesystem, memoryStores, never, put, sourceOf, viewOf } from '../support/filesystem';
import { type PlantedBug, plantedBugs } from '../support/planted-bugs';

jest.mock('../../runtime/filesystem/new-upload', () => {
  const real = jest.requireActual<typeof newUpload>('../../runtime/filesystem/new-upload');
  return jest.requireActual<typeof doctored>('../support/doctored').doctor(real, 'newRecord');
});
jest.mock('../../runtime/filesystem/park', () => {
  const real = jest.requireActual<typeof park>('../../runtime/filesystem/park');
  return jest.requireActual<typeof doctored>('../support/doctored').doctor(real, 'dropUpload');
});
jest.mock('../../runtime/filesystem/path-claim', () => {
  const real = jest.requireActual<typeof pathClaim>('../../runtime/filesystem/path-claim');
  return jest.requireActual<typeof doctored>('../support/doctored').doctor(real, 'takeClaim', 'ownsClaim');
});
jest.mock('../../runtime/filesystem/resume', () => {
  const real = jest.requireActual<typeof resume>('../../runtime/filesystem/resume');
  return jest.requireActual<typeof doctored>('../support/doctored').doctor(real, 'findContinuation', 'takeOverParked');
});
jest.mock('../../runtime/filesystem/shadow', () => {
  const real = jest.requireActual<typeof shadow>('../../runtime/filesystem/shadow');
  return jest.requireActual<typeof doctored>('../support/doctored').doctor(real, 'shadowOf');
});

/** Seeds that are tried before a bug counts as unseen. */
const seeds = 1_000;

afterEach(() => {
  restoreAll();
  jest.restoreAllMocks();
});

/** What the checks say about the first seed at which they say anything, and which seed that was. */
async function firstViolation({ contest, plant }: PlantedBug, most: number): Promise<{ seed: number; what: string } | undefined> {
  for (let seed = 1; seed <= most; seed++) {
    try {
      const { violations } = await runContest({ ...contest, seed, plant });
      if (violations[0] !== undefined) return { seed, what: violations[0] };
    } catch (error) {
      // A bug may also break what runs the rules: a deadlock, an entry that is not there.
      return { seed, what: (error as Error).message };
    }
  }
  return undefined;
}

describe.each(plantedBugs)('$name', (bug) => {
  it('is seen', async () => {
    bug.doctor?.();
    const found = await firstViolation(bug, seeds);
    expect(found).toBeDefined();
  });

  it('is not seen where it is not', async () => {
    const found = await firstViolation({ ...bug, plant: undefined, contest: { ...bug.contest, heldBack: undefined } }, 25);
    expect(found).toBeUndefined();
  });
});

describe('a heartbeat that is measured with the wall clock', () => {
  /** Another task sends, and beats; this one observes it, and the clock of the machine is set forward meanwhile. */
  async function sendWhileTheClockIsSet(monotonic: (clock: FakeClock) => number): Promise<string> {
    const clock = new FakeClock();
    const stores = memoryStores();
    const leases = new MemoryLeaseStore(clock);
    const observer = new TaskObserver(leases, Object.assign(Object.create(clock) as FakeClock, { monotonic: () => monotonic(clock) }));
    const sender = makeFilesystem(stores, clock, 'sender');
    await put(viewOf(sender), '/a', 'old');
    const upload = await viewOf(sender).prepareUpload(at('/a'), { kind: 'new' });
    await leases.beat({ task: 'sender', silent: {} });
    await observer.observe();
    // Between two beats, in small steps: one large one would only say that nobody looked for a while.
    for (let steps = 0; steps < 3; steps++) {
      clock.step(13_000);
      await clock.advance(1_000);
      await observer.observe();
    }
    await sweep(makeFilesystem(stores, clock, 'observer'), { isDead: (task) => observer.isDead(task) });
    return upload.receive(sourceOf(['new']), accepts, never()).then(
      () => 'stored',
      (error: Failure) => error.kind,
    );
  }

  it('is seen: a living task is taken for dead', async () => {
    expect(await sendWhileTheClockIsSet((clock) => clock.now())).toBe('taken-over');
  });

  it('is not seen where it is not', async () => {
    expect(await sendWhileTheClockIsSet((clock) => clock.monotonic())).toBe('stored');
  });
});
