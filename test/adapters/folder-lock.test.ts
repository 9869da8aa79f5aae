import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { FolderInUse, type LockHolder, lockFolder } from '../../runtime/adapters/lmdb/folder-lock';
import { bootId, startedOf } from '../../runtime/adapters/process-identity';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'causeway-lock-'));
});

afterEach(() => rmSync(folder, { recursive: true }));

const holder = (nonce: string, changes: Partial<LockHolder> = {}): LockHolder => ({
  pid: 100,
  started: 'monday',
  boot: 'boot-1',
  nonce,
  ...changes,
});

/** Processes that run, with the time of their start. */
const running = (processes: Record<number, string>) => (pid: number) => processes[pid];

describe('the lock of a data folder', () => {
  it('names the process that holds it', () => {
    lockFolder(folder, holder('a'), running({ 100: 'monday' }));
    const second = () => lockFolder(folder, holder('b', { pid: 200 }), running({ 100: 'monday', 200: 'tuesday' }));
    expect(second).toThrow(FolderInUse);
    expect(second).toThrow(/pid 100/);
    expect(readdirSync(folder)).toEqual(['.lock']);
  });

  it.each([
    ['its process has ended', {}, running({ 200: 'tuesday' })],
    ['its pid belongs to a later process', {}, running({ 100: 'wednesday', 200: 'tuesday' })],
    ['the machine has been started since', { boot: 'boot-0' }, running({ 100: 'monday', 200: 'tuesday' })],
    ['it names our own pid, as every first process of a container has', { pid: 200 }, running({ 200: 'monday' })],
  ])('is taken over when %s', (_, stale, processes) => {
    lockFolder(folder, holder('a', stale), running({ 100: 'monday' }));
    const free = lockFolder(folder, holder('b', { pid: 200, started: 'tuesday' }), processes);
    expect(() => lockFolder(folder, holder('c', { pid: 300 }), running({ 200: 'tuesday', 300: 'x' }))).toThrow(/pid 200/);
    free();
    expect(readdirSync(folder)).toEqual([]);
  });

  it('holds when it cannot be told when the process started', () => {
    lockFolder(folder, holder('a', { started: '' }), running({ 100: '' }));
    expect(() => lockFolder(folder, holder('b', { pid: 200 }), running({ 100: '', 200: '' }))).toThrow(FolderInUse);
  });

  it.each(['', '{"pid": 1', 'null'])('is taken over when a power loss has left %j of it', (content) => {
    writeFileSync(path.join(folder, '.lock'), content);
    lockFolder(folder, holder('a'), running({}));
    expect(readdirSync(folder)).toEqual(['.lock']);
  });

  it('is not freed by one who has lost it', () => {
    const free = lockFolder(folder, holder('a'), running({}));
    lockFolder(folder, holder('b', { pid: 200 }), running({ 200: 'monday' }));
    free();
    expect(() => lockFolder(folder, holder('c', { pid: 300 }), running({ 200: 'monday' }))).toThrow(/pid 200/);
  });

  it('works with what this system tells of its processes', () => {
    const me: LockHolder = { pid: process.pid, started: startedOf(process.pid) ?? '', boot: bootId() ?? '', nonce: 'me' };
    expect(me.started).not.toBe('');
    lockFolder(folder, me, startedOf);
    expect(() => lockFolder(folder, { ...me, pid: me.pid + 1, nonce: 'other' }, startedOf)).toThrow(FolderInUse);
  });
});
