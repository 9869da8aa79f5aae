import type { LeaseStore } from '../../runtime/ports/lease-store';
import type { FakeClock } from '../support/fake-clock';

export function describeLeaseStore(
  name: string,
  make: () => Promise<{ leases: LeaseStore; clock: FakeClock; end(): Promise<void> }>,
): void {
  describe(`${name} as a lease store`, () => {
    let leases: LeaseStore;
    let clock: FakeClock;
    let end: () => Promise<void>;

    beforeEach(async () => {
      ({ leases, clock, end } = await make());
    });

    afterEach(() => end());

    const leaseFor = (nonce: string, seconds = 60) => ({
      client: '192.0.2.1',
      port: 50_000,
      task: 'task-1',
      nonce,
      expires: clock.now() + seconds * 1_000,
    });

    it('gives one of eight the port for a client', async () => {
      const got = await Promise.all(Array.from({ length: 8 }, (_, racer) => leases.reserve(leaseFor(`n${racer}`))));
      expect(got.filter(Boolean)).toHaveLength(1);
      expect((await leases.find('192.0.2.1', 50_000))?.nonce).toBe(`n${got.indexOf(true)}`);
    });

    it('gives the same port to different clients, and other ports to the same one', async () => {
      expect(await leases.reserve(leaseFor('a'))).toBe(true);
      expect(await leases.reserve({ ...leaseFor('b'), client: '192.0.2.2' })).toBe(true);
      expect(await leases.reserve({ ...leaseFor('c'), port: 50_001 })).toBe(true);
      expect(await leases.find('192.0.2.1', 50_000)).toEqual(leaseFor('a'));
    });

    it('forgets a lease when its time is over, and gives the port to the next', async () => {
      await leases.reserve(leaseFor('a', 10));
      await clock.advance(9_999);
      expect(await leases.find('192.0.2.1', 50_000)).toBeDefined();
      expect(await leases.reserve(leaseFor('b'))).toBe(false);
      await clock.advance(1);
      expect(await leases.find('192.0.2.1', 50_000)).toBeUndefined();
      expect(await leases.reserve(leaseFor('b'))).toBe(true);
    });

    it('is released by its holder only', async () => {
      await leases.reserve(leaseFor('a'));
      await leases.release({ client: '192.0.2.1', port: 50_000, nonce: 'somebody else' });
      expect((await leases.find('192.0.2.1', 50_000))?.nonce).toBe('a');
      await leases.release(leaseFor('a'));
      expect(await leases.find('192.0.2.1', 50_000)).toBeUndefined();
      expect(await leases.reserve(leaseFor('b'))).toBe(true);
      await leases.release(leaseFor('a'));
      expect((await leases.find('192.0.2.1', 50_000))?.nonce).toBe('b');
    });

    it('counts the beats of each task, whatever the clock says', async () => {
      await leases.beat({ task: 'one', silent: [] });
      await leases.beat({ task: 'two', silent: [] });
      clock.step(-3_600_000);
      await leases.beat({ task: 'one', silent: ['t1', 't2'] });
      const tasks = [...(await leases.tasks())].sort((left, right) => left.task.localeCompare(right.task));
      expect(tasks).toEqual([
        { task: 'one', silent: ['t1', 't2'], counter: 2 },
        { task: 'two', silent: [], counter: 1 },
      ]);
    });

    it('forgets a task that is dead', async () => {
      await leases.beat({ task: 'one', silent: [] });
      await leases.forget('one');
      expect(await leases.tasks()).toEqual([]);
      await leases.forget('one');
    });
  });
}
