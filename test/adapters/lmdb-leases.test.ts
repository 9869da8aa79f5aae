import { existsSync, mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Environment } from '../../runtime/adapters/lmdb/environment';
import { LmdbLeaseStore, openLeases } from '../../runtime/adapters/lmdb/lmdb-lease-store';
import { MemoryLeaseStore } from '../../runtime/adapters/memory/memory-lease-store';
import { describeLeaseStore } from '../contracts/lease-store.contract';
import { FakeClock } from '../support/fake-clock';
import { makeBase } from './directory-fixture';

const clock = new FakeClock();
let opened: Environment[] = [];
let folders: string[] = [];

function folder(): string {
  const base = makeBase();
  folders.push(base);
  return path.join(base, 'leases');
}

function open(at: string, owner: 'server' | 'beside it' = 'server', boot: { id: string | undefined } = { id: 'boot 1' }): LmdbLeaseStore {
  const environment = openLeases(at, `origin-${opened.length}`, owner, boot.id);
  opened.push(environment);
  return new LmdbLeaseStore(environment, new MemoryLeaseStore(clock));
}

async function end(): Promise<void> {
  for (const environment of opened) await environment.close();
  for (const base of folders) rmSync(base, { recursive: true, force: true });
  opened = [];
  folders = [];
}

afterEach(end);

describeLeaseStore('lmdb', async () => {
  const own = new FakeClock();
  const environment = openLeases(folder(), 'origin', 'server', 'boot 1');
  opened.push(environment);
  return { leases: new LmdbLeaseStore(environment, new MemoryLeaseStore(own)), clock: own, end };
});

const row = (id: string) => ({ id, task: 'one', client: '192.0.2.1', begun: 5 });

describe('leases in lmdb', () => {
  it('are seen, and sessions kicked, by whoever opens them beside the server', async () => {
    const at = folder();
    const server = open(at);
    await server.beat({ task: 'one', silent: {} });
    await server.show(row('s-1'));
    const beside = open(at, 'beside it');
    expect(await beside.tasks()).toEqual([{ task: 'one', silent: {}, counter: 1 }]);
    expect(await beside.sessions('one')).toEqual([row('s-1')]);
    await beside.kick({ task: 'one', id: 's-1' });
    expect(await server.takeKicks('one')).toEqual(['s-1']);
  });

  it('that are damaged are made anew by the server: they would be empty anyway', async () => {
    const at = folder();
    mkdirSync(at, { recursive: true });
    writeFileSync(path.join(at, 'boot-id'), 'boot 1');
    writeFileSync(path.join(at, 'data.mdb'), 'no index');
    await open(at).show(row('s-1'));
    expect(await open(at, 'beside it').sessions('one')).toEqual([row('s-1')]);
  });

  it('of a server that is gone are not there for the next one', async () => {
    const at = folder();
    const before = open(at);
    await before.beat({ task: 'one', silent: {} });
    await before.show(row('s-1'));
    await before.kick({ task: 'one', id: 's-1' });
    await opened.pop()?.close();
    const next = open(at);
    expect(await next.tasks()).toEqual([]);
    expect(await next.sessions('one')).toEqual([]);
    expect(await next.takeKicks('one')).toEqual([]);
  });

  it.each([
    ['the machine has started since', 'server', 'boot 2'],
    ['nobody knows whether the machine has started since', 'server', undefined],
    ['the machine has started since, and the server has not', 'beside it', 'boot 2'],
  ] as const)('are thrown away unread when %s', async (_, owner, bootId) => {
    const at = folder();
    mkdirSync(at, { recursive: true });
    writeFileSync(path.join(at, 'boot-id'), 'boot 1');
    // Torn: to open it would fail.
    writeFileSync(path.join(at, 'data.mdb'), Buffer.alloc(16_384, 0x5a));
    const leases = open(at, owner, { id: bootId });
    await leases.beat({ task: 'one', silent: {} });
    expect(await leases.tasks()).toHaveLength(1);
  });

  it('are for the eyes of their owner only', async () => {
    const at = folder();
    await open(at).beat({ task: 'one', silent: {} });
    for (const name of ['data.mdb', 'lock.mdb', 'boot-id']) expect(statSync(path.join(at, name)).mode & 0o777).toBe(0o600);
  });

  it('have no row for a reservation: a passive port waits for no disk', async () => {
    const at = folder();
    const server = open(at);
    const lease = { client: '192.0.2.1', port: 50_000, task: 'one', nonce: 'n', expires: clock.now() + 9_000, cool: clock.now() + 9_000 };
    expect(await server.reserve(lease)).toBe(true);
    expect(await open(at, 'beside it').find('192.0.2.1', 50_000)).toBeUndefined();
    expect(existsSync(path.join(at, 'data.mdb'))).toBe(true);
  });

  it('lists the sessions of exactly one task', async () => {
    const leases = open(folder());
    for (const task of ['a', 'ab', 'b']) await leases.show({ ...row('s-1'), task });
    expect(await leases.sessions('a')).toEqual([{ ...row('s-1'), task: 'a' }]);
    await leases.forget('a');
    expect(await leases.sessions('a')).toEqual([]);
    expect(await leases.sessions('ab')).toHaveLength(1);
  });
});
