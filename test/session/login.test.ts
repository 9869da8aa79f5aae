import { MemoryLeaseStore } from '../../runtime/adapters/memory/memory-lease-store';
import { MemoryUserDirectory } from '../../runtime/adapters/memory/memory-user-directory';
import { randomIds } from '../../runtime/adapters/random-ids';
import { alone } from '../../runtime/filesystem/filesystem';
import { LockOut } from '../../runtime/session/lock-out';
import { Login } from '../../runtime/session/login';
import { Seats } from '../../runtime/session/seats';
import { FakeClock, settle } from '../support/fake-clock';
import { quietLog } from '../support/filesystem';
import { makeUser } from './dialogue';

/** A login needs two seats, the partner's and his address's: one alone must not stay taken. */

const caller = { address: '192.0.2.1', session: 's-1' };

async function make(sessionsPerAddress = 100, isRight: (secret: string) => boolean = () => true) {
  const clock = new FakeClock();
  const leases = new MemoryLeaseStore(clock);
  const users = new MemoryUserDirectory();
  await users.put(makeUser({ name: 'acme' }), 'absent');
  const seats = new Seats({ leases, task: 'task', fleet: alone, log: quietLog });
  const login = new Login({
    users,
    hasher: { hash: async (secret) => secret, verify: async (_, secret) => isRight(secret) },
    lockOut: new LockOut(leases, 10, 60_000),
    seats,
    sessionsPerUser: 50,
    sessionsPerAddress,
    clock,
    ids: randomIds,
    metrics: { count: () => undefined, gauge: () => undefined, observe: () => undefined },
  });
  const taken = async () => [
    ...(await leases.seats({ kind: 'partner', name: 'acme' })),
    ...(await leases.seats({ kind: 'address', name: caller.address })),
  ];
  return { clock, leases, login, seats, taken };
}

it('takes a seat of the partner and one of his address, and gives back both', async () => {
  const { login, taken } = await make();
  const user = await login.check('acme', 'secret', caller, quietLog);
  expect((await taken()).map(({ kind }) => kind)).toEqual(['partner', 'address']);
  if (typeof user === 'object') login.leave(user, caller);
  await settle();
  expect(await taken()).toEqual([]);
});

it('keeps no seat of the partner when his address has none left', async () => {
  const { login, taken } = await make(0);
  expect(await login.check('acme', 'secret', caller, quietLog)).toBe('too-many');
  await settle();
  expect(await taken()).toEqual([]);
});

it('keeps no seat when the store goes away in between', async () => {
  const { leases, login, seats, taken } = await make();
  const sit = leases.sit.bind(leases);
  leases.sit = (seat) => (seat.kind === 'partner' ? sit(seat) : Promise.reject(new Error('away')));
  await expect(login.check('acme', 'secret', caller, quietLog)).rejects.toThrow('away');
  seats.refresh();
  await settle();
  expect(await taken()).toEqual([]);
});

it('many guesses at once are no more guesses than one after the other', async () => {
  const { clock, login } = await make(100, (secret) => secret === 'right');
  const guesses = [...Array.from({ length: 30 }, (_, index) => `wrong ${index}`), 'right'];
  const checked = Promise.all(guesses.map((guess, index) => login.check('acme', guess, { ...caller, session: `s-${index}` }, quietLog)));
  await clock.advance(10_000);
  expect((await checked).filter((user) => user !== undefined)).toEqual([]);
});

it('many right ones at once are all let in', async () => {
  const { login } = await make();
  const checked = await Promise.all(
    Array.from({ length: 40 }, (_, index) => login.check('acme', 'x', { ...caller, session: `s-${index}` }, quietLog)),
  );
  expect(checked.map((user) => typeof user)).toEqual(Array(40).fill('object'));
});
