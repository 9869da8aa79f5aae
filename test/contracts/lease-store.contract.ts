import type { Lease, LeaseStore, Seat, SessionRow } from '../../runtime/ports/lease-store';
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

    const leaseFor = (nonce: string, seconds = 60): Lease => ({
      client: '192.0.2.1',
      port: 50_000,
      task: 'task-1',
      relay: '10.0.0.7:3002',
      nonce,
      expires: clock.now() + seconds * 1_000,
      cool: clock.now() + seconds * 1_000,
    });

    describe('reservations', () => {
      it('give one of eight the port for a client', async () => {
        const got = await Promise.all(Array.from({ length: 8 }, (_, racer) => leases.reserve(leaseFor(`n${racer}`))));
        expect(got.filter(Boolean)).toHaveLength(1);
        expect((await leases.find('192.0.2.1', 50_000))?.nonce).toBe(`n${got.indexOf(true)}`);
      });

      it('give the same port to different clients, and other ports to the same one', async () => {
        expect(await leases.reserve(leaseFor('a'))).toBe(true);
        expect(await leases.reserve({ ...leaseFor('b'), client: '192.0.2.2' })).toBe(true);
        expect(await leases.reserve({ ...leaseFor('c'), port: 50_001 })).toBe(true);
        expect(await leases.reserve({ ...leaseFor('d'), client: '2001:db8::1' })).toBe(true);
        expect(await leases.reserve({ ...leaseFor('e'), client: '*' })).toBe(true);
        expect(await leases.find('192.0.2.1', 50_000)).toEqual(leaseFor('a'));
        expect(await leases.find('*', 50_000)).toEqual({ ...leaseFor('e'), client: '*' });
      });

      it('are kept without a relay address', async () => {
        const { relay: _, ...lease } = leaseFor('a');
        await leases.reserve(lease);
        expect(await leases.find('192.0.2.1', 50_000)).toEqual(lease);
      });

      it('succeed again for the same nonce', async () => {
        expect(await leases.reserve(leaseFor('a'))).toBe(true);
        expect(await leases.reserve(leaseFor('a'))).toBe(true);
        expect(await leases.reserve(leaseFor('b'))).toBe(false);
      });

      it('are over when their time is, and give the port to the next', async () => {
        await leases.reserve(leaseFor('a', 10));
        await clock.advance(9_999);
        expect(await leases.find('192.0.2.1', 50_000)).toBeDefined();
        expect(await leases.reserve(leaseFor('b'))).toBe(false);
        await clock.advance(1);
        expect(await leases.find('192.0.2.1', 50_000)).toBeUndefined();
        expect(await leases.reserve(leaseFor('b'))).toBe(true);
      });

      it('keep the port from others until it has cooled down', async () => {
        await leases.reserve({ ...leaseFor('a', 10), cool: clock.now() + 15_000 });
        await clock.advance(10_000);
        expect(await leases.find('192.0.2.1', 50_000)).toBeUndefined();
        await clock.advance(4_999);
        expect(await leases.reserve(leaseFor('b'))).toBe(false);
        await clock.advance(1);
        expect(await leases.reserve(leaseFor('b'))).toBe(true);
      });

      it('are released by their holder only', async () => {
        await leases.reserve(leaseFor('a'));
        await leases.release({ client: '192.0.2.1', port: 50_000, nonce: 'somebody else' });
        await leases.release({ client: '192.0.2.1', port: 50_000, nonce: 'somebody else' }, clock.now() + 5_000);
        expect((await leases.find('192.0.2.1', 50_000))?.nonce).toBe('a');
        await leases.release(leaseFor('a'));
        expect(await leases.find('192.0.2.1', 50_000)).toBeUndefined();
        expect(await leases.reserve(leaseFor('b'))).toBe(true);
        await leases.release(leaseFor('a'));
        expect((await leases.find('192.0.2.1', 50_000))?.nonce).toBe('b');
      });

      it('can replace one that has not cooled down, of which they know the nonce', async () => {
        await leases.reserve({ ...leaseFor('a'), cool: clock.now() + 70_000 });
        await leases.release(leaseFor('a'), clock.now() + 5_000);
        expect(await leases.reserve(leaseFor('b'), 'another')).toBe(false);
        expect(await leases.reserve(leaseFor('b'), 'a')).toBe(true);
        expect(await leases.reserve(leaseFor('b'), 'a')).toBe(true);
        // Its release came late.
        await leases.release(leaseFor('a'), clock.now() + 5_000);
        expect((await leases.find('192.0.2.1', 50_000))?.nonce).toBe('b');
      });

      it('can be released so that the port cools down first', async () => {
        await leases.reserve({ ...leaseFor('a'), cool: clock.now() + 70_000 });
        await leases.release(leaseFor('a'), clock.now() + 5_000);
        expect(await leases.find('192.0.2.1', 50_000)).toBeUndefined();
        await clock.advance(4_999);
        expect(await leases.reserve(leaseFor('b'))).toBe(false);
        await clock.advance(1);
        expect(await leases.reserve(leaseFor('b'))).toBe(true);
      });
    });

    describe('tasks', () => {
      it('count their beats, whatever the clock says', async () => {
        const silent = { t1: { key: 'acme/a', user: 'acme', durable: 5 }, t2: { key: 'acme/ü b', user: 'acme', durable: 0 } };
        await leases.beat({ task: 'one', silent: {} });
        await leases.beat({ task: 'two', relay: '10.0.0.2:3002', silent: {} });
        clock.step(-3_600_000);
        await leases.beat({ task: 'one', silent });
        const tasks = [...(await leases.tasks())].sort((left, right) => left.task.localeCompare(right.task));
        expect(tasks).toEqual([
          { task: 'one', silent, counter: 2 },
          { task: 'two', relay: '10.0.0.2:3002', silent: {}, counter: 1 },
        ]);
      });

      it('say no longer what they have not said again', async () => {
        await leases.beat({ task: 'one', relay: '10.0.0.1:3002', silent: { t1: { key: 'a', user: 'u', durable: 1 } } });
        await leases.beat({ task: 'one', silent: {} });
        expect(await leases.tasks()).toEqual([{ task: 'one', silent: {}, counter: 2 }]);
      });

      it('give a duty to one of them, until its time is over without it', async () => {
        const { duty, now } = { duty: (task: string) => leases.takeDuty(task, clock.now() + 60_000), now: clock.now() };
        expect(await duty('one')).toBe(true);
        expect(await duty('two')).toBe(false);
        await clock.advance(30_000);
        expect(await duty('one')).toBe(true);
        await clock.advance(59_999);
        expect(await duty('two')).toBe(false);
        await clock.advance(1);
        expect(clock.now()).toBe(now + 90_000);
        expect(await duty('two')).toBe(true);
        expect(await duty('one')).toBe(false);
      });

      it('of which many ask at once have one with the duty', async () => {
        const asked = await Promise.all(['one', 'two', 'three', 'four'].map((task) => leases.takeDuty(task, clock.now() + 60_000)));
        expect(asked.filter(Boolean)).toHaveLength(1);
      });

      it('are forgotten when they are dead', async () => {
        await leases.beat({ task: 'one', silent: {} });
        await leases.kick({ task: 'one', id: 's-1' });
        const seats = [
          { kind: 'partner', name: 'acme' },
          { kind: 'address', name: '192.0.2.1' },
        ] as const;
        for (const task of ['one', 'two']) {
          await leases.show({ id: 's-1', task, client: '192.0.2.1', user: 'acme', begun: 5 });
          for (const seat of seats) await leases.sit({ ...seat, session: 's-1', task });
        }
        await leases.show({ id: 's-2', task: 'one', client: '192.0.2.1', begun: 5 });
        await leases.forget('one');
        expect(await leases.tasks()).toEqual([]);
        expect(await leases.takeKicks('one')).toEqual([]);
        expect(await leases.sessions('one')).toEqual([]);
        for (const seat of seats) expect(await leases.seats(seat)).toEqual([{ ...seat, session: 's-1', task: 'two' }]);
        await leases.forget('one');
      });

      it('are told once which sessions to end', async () => {
        await leases.kick({ task: 'one', id: 's-1' });
        await leases.kick({ task: 'one', id: 's-2' });
        await leases.kick({ task: 'one', id: 's-2' });
        await leases.kick({ task: 'two', id: 's-3' });
        expect([...(await leases.takeKicks('one'))].sort()).toEqual(['s-1', 's-2']);
        expect(await leases.takeKicks('one')).toEqual([]);
        expect(await leases.takeKicks('two')).toEqual(['s-3']);
      });
    });

    describe('seats', () => {
      const seat = (session: string, changes: Partial<Seat> = {}): Seat => ({
        kind: 'partner',
        name: 'acme',
        session,
        task: 'one',
        ...changes,
      });

      it('are counted by partner and by address', async () => {
        for (const taken of [seat('s-2'), seat('s-1', { task: 'two' }), seat('s-3', { name: 'other' }), seat('s-1', { kind: 'address' })])
          await leases.sit(taken);
        expect(await leases.seats({ kind: 'partner', name: 'acme' })).toEqual([seat('s-1', { task: 'two' }), seat('s-2')]);
        expect(await leases.seats({ kind: 'address', name: 'acme' })).toEqual([seat('s-1', { kind: 'address' })]);
        expect(await leases.seats({ kind: 'address', name: '192.0.2.1' })).toEqual([]);
      });

      it('are taken and left once, however often it is said', async () => {
        await leases.sit(seat('s-1'));
        await leases.sit(seat('s-1'));
        expect(await leases.seats(seat(''))).toHaveLength(1);
        await leases.rise(seat('s-1'));
        await leases.rise(seat('s-1'));
        expect(await leases.seats(seat(''))).toEqual([]);
      });

      it('are all seen by whoever took one of them', async () => {
        const seen = await Promise.all(
          Array.from({ length: 8 }, async (_, racer) => {
            await leases.sit(seat(`s-${racer}`));
            return (await leases.seats(seat(''))).length;
          }),
        );
        expect(Math.max(...seen)).toBe(8);
      });
    });

    describe('sessions', () => {
      const row = (id: string, changes: Partial<SessionRow> = {}): SessionRow => ({
        id,
        task: 'one',
        client: '192.0.2.1',
        begun: 5,
        ...changes,
      });

      it('are shown by task, as last written', async () => {
        const transfer = { verb: 'STOR', path: '/ü.csv', bytes: 17, begun: 6 };
        await leases.show(row('s-2'));
        await leases.show(row('s-1', { user: 'acme', transfer }));
        await leases.show(row('s-3', { task: 'two' }));
        expect(await leases.sessions('one')).toEqual([row('s-1', { user: 'acme', transfer }), row('s-2')]);
        await leases.show(row('s-1', { user: 'acme' }));
        expect(await leases.sessions('one')).toEqual([row('s-1', { user: 'acme' }), row('s-2')]);
      });

      it('are hidden when they end', async () => {
        await leases.show(row('s-1'));
        await leases.hide({ task: 'two', id: 's-1' });
        expect(await leases.sessions('one')).toHaveLength(1);
        await leases.hide(row('s-1'));
        await leases.hide(row('s-1'));
        expect(await leases.sessions('one')).toEqual([]);
      });
    });

    describe('failed logins', () => {
      const login = { user: 'acme', address: '192.0.2.1' };

      it('are counted by user and address, those at once too', async () => {
        const counts = await Promise.all(Array.from({ length: 8 }, () => leases.addFailure(login, 60_000)));
        expect([...counts].sort()).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
        expect(await leases.failures(login)).toBe(8);
        expect(await leases.failures({ ...login, address: '192.0.2.2' })).toBe(0);
        expect(await leases.failures({ ...login, user: 'other' })).toBe(0);
      });

      it('count until a while has gone without another', async () => {
        await leases.addFailure(login, 60_000);
        await clock.advance(59_000);
        expect(await leases.addFailure(login, 60_000)).toBe(2);
        await clock.advance(59_999);
        expect(await leases.failures(login)).toBe(2);
        await clock.advance(1);
        expect(await leases.failures(login)).toBe(0);
        expect(await leases.addFailure(login, 60_000)).toBe(1);
      });

      it('are cleared by a login', async () => {
        await leases.addFailure(login, 60_000);
        await leases.clearFailures(login);
        await leases.clearFailures(login);
        expect(await leases.failures(login)).toBe(0);
        expect(await leases.addFailure(login, 60_000)).toBe(1);
      });
    });
  });
}
