import { execFileSync } from 'node:child_process';
import {
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { crc32 } from 'node:zlib';
import { heldBack } from '../../runtime/adapters/directory/checkpoint';
import { asidePath } from '../../runtime/adapters/directory/layout';
import { openDirectoryStore } from '../../runtime/adapters/directory/open-directory-store';
import { noProgress } from '../../runtime/model/upload-record';
import type { Found, NewUpload } from '../../runtime/ports/object-store';
import { contentOf, kindOf, readAll, send } from '../contracts/store-under-test';
import { FakeClock } from '../support/fake-clock';
import { type MadeDirectoryStore, makeBase, makeDirectoryStore } from './directory-fixture';

let made: MadeDirectoryStore;
let file: string;

beforeEach(async () => {
  made = await makeDirectoryStore();
  file = path.join(made.roots.objects, 'acme/a');
});

afterEach(() => made.end());

const never = new AbortController().signal;

const uploadOf = (token: string, storedKey = 'acme/a'): NewUpload => ({
  token,
  storedKey,
  partner: 'acme',
  admission: made.buffers.admit('acme'),
});

async function settledUpload(content: Buffer, token = 'token1', storedKey = 'acme/a') {
  const upload = uploadOf(token, storedKey);
  const writer = made.store.begin(upload);
  await send(writer, content);
  const settled = await writer.settle();
  return { upload, settled, progress: writer.progress(), part: path.join(made.roots.incoming, token) };
}

const lookAt = async (key: string) => (await made.store.look(key)) as Found;

describe('a commit that was cut off between two steps', () => {
  it.each([undefined, 'over'])('by a link that is there already is finished (%s)', async (over) => {
    const { upload, settled, progress, part } = await settledUpload(Buffer.from('content'));
    mkdirSync(path.dirname(file));
    linkSync(part, file);
    const store = await made.reopen();
    const { version } = await lookAt('acme/a');
    expect(await store.completeSettled(upload, progress, settled, over && 'some version')).toEqual({ version });
    expect(existsSync(part)).toBe(false);
    expect(readFileSync(file, 'utf8')).toBe('content');
  });

  it('does not take a part file that was touched since for the one that was settled', async () => {
    const { upload, settled, progress, part } = await settledUpload(Buffer.from('content'));
    writeFileSync(part, 'another content');
    expect(await (await made.reopen()).completeSettled(upload, progress, settled, undefined)).toBe('lost');
    expect(existsSync(file)).toBe(false);
  });
});

describe('a delete that was cut off after the file was set aside', () => {
  async function setAside(): Promise<Found> {
    await made.place('acme/a', Buffer.from('one'));
    const found = await lookAt('acme/a');
    renameSync(file, asidePath(made.roots, 'acme/a'));
    return found;
  }

  it('removes it when it is the version', async () => {
    const { version } = await setAside();
    expect(await (await made.reopen()).remove('acme/a', version)).toBe('removed');
    expect(readdirSync(made.roots.incoming)).toEqual(['.boot-id']);
  });

  it('removes it, and leaves a newer file alone', async () => {
    const { version } = await setAside();
    await made.place('acme/a', Buffer.from('two'));
    expect(await (await made.reopen()).remove('acme/a', version)).toBe('removed');
    expect(readFileSync(file, 'utf8')).toBe('two');
  });

  it('puts it back when it is another one', async () => {
    const aside = await setAside();
    expect(await (await made.reopen()).remove('acme/a', 'some other version')).toEqual({ other: aside });
    expect(readFileSync(file, 'utf8')).toBe('one');
    expect(readdirSync(made.roots.incoming)).toEqual(['.boot-id']);
  });

  it('throws nothing away when it is another one and a third has come', async () => {
    await setAside();
    await made.place('acme/a', Buffer.from('three'));
    expect(await made.store.remove('acme/a', 'some other version')).toEqual({ other: await lookAt('acme/a') });
    expect(readFileSync(file, 'utf8')).toBe('three');
    const [kept] = readdirSync(made.roots.incoming).filter((name) => name.endsWith('.kept'));
    expect(readFileSync(path.join(made.roots.incoming, kept as string), 'utf8')).toBe('one');
  });

  it('is not counted as a half-written upload', async () => {
    await setAside();
    for await (const { uploadId } of made.store.halfWritten()) throw new Error(uploadId);
  });
});

describe('a move that was cut off after the link', () => {
  it.each([undefined, 'some version'])('is finished (over %s)', async (over) => {
    await made.place('acme/a', Buffer.from('content'));
    const { version } = await lookAt('acme/a');
    linkSync(file, path.join(made.roots.objects, 'acme/b'));
    expect(await made.store.move({ from: 'acme/a', version, to: 'acme/b', over })).toEqual({ version });
    expect(readdirSync(path.dirname(file))).toEqual(['b']);
  });
});

describe('a part file of a process that died', () => {
  async function dead(length: number, token: string): Promise<Buffer> {
    const content = contentOf(length);
    writeFileSync(path.join(made.roots.incoming, token), content);
    return content;
  }

  it('counts to its whole length, less 64 KiB, while the machine has not been started since', async () => {
    const content = await dead(200_000, 'token1');
    const salvaged = await (await made.reopen()).salvage('token1', 'acme/a', noProgress);
    expect(salvaged.durable).toBe(200_000 - heldBack);
    expect(salvaged.parts[0]?.crc32).toBe(crc32(content.subarray(0, salvaged.durable)));
  });

  it('counts only as far as it was flushed after the machine was started, also after a second crash', async () => {
    await dead(200_000, 'token1');
    const told = { uploadId: 'token1', parts: [{ number: 1, size: 1_000, crc32: 1 }], durable: 1_000, reserved: 1 };
    const base = path.dirname(made.roots.incoming);
    for (const attempt of ['first', 'second']) {
      const second = await makeDirectoryStore({ base, bootId: 'boot-2' });
      expect([attempt, await second.store.salvage('token1', 'acme/a', told)]).toEqual([attempt, told]);
    }
    await dead(200_000, 'token2');
    const third = await makeDirectoryStore({ base, bootId: 'boot-2' });
    expect((await third.store.salvage('token2', 'acme/a', noProgress)).durable).toBe(200_000 - heldBack);
    expect((await third.store.salvage('token1', 'acme/a', told)).durable).toBe(1_000);
    unlinkSync(path.join(made.roots.incoming, 'token1'));
    await makeDirectoryStore({ base, bootId: 'boot-2' });
    expect(readFileSync(path.join(made.roots.incoming, '.boot-id'), 'utf8')).toBe('boot-2');
  });

  it('counts only as far as it was flushed where the system does not tell when it was started', async () => {
    await dead(200_000, 'token1');
    const base = path.dirname(made.roots.incoming);
    const { store } = await openDirectoryStore({
      base,
      bootId: undefined,
      clock: new FakeClock(),
      reserve: 0,
      modes: { file: 0o600, directory: 0o700 },
    });
    expect((await store.salvage('token1', 'acme/a', noProgress)).durable).toBe(0);
  });

  it('never counts less than what was flushed and may have been told', async () => {
    const content = await dead(100_000, 'token1');
    const told = {
      uploadId: 'token1',
      parts: [{ number: 1, size: 90_000, crc32: crc32(content.subarray(0, 90_000)) }],
      durable: 90_000,
      reserved: 1,
    };
    expect(await made.store.salvage('token1', 'acme/a', told)).toEqual(told);
  });

  it('is worth nothing when it is shorter than what was told of it', async () => {
    await dead(500, 'token1');
    const told = { uploadId: 'token1', parts: [{ number: 1, size: 1_000, crc32: 1 }], durable: 1_000, reserved: 1 };
    expect((await made.store.salvage('token1', 'acme/a', told)).durable).toBe(0);
    expect(await kindOf(made.store.resume(uploadOf('token2'), told))).toBe('restart-not-possible');
  });
});

describe('what others do in the folder', () => {
  it('reports a file that was cut short while it was read, and never more than the version had', async () => {
    await made.place('acme/a', contentOf(3_000_000));
    const { version } = await lookAt('acme/a');
    const chunks = (await made.store.read('acme/a', version, 0, never)) as AsyncIterable<Buffer>;
    const drain = async () => {
      for await (const chunk of chunks) if (chunk.length > 0) truncateSync(file, 1_500_000);
    };
    expect(await kindOf(drain())).toBe('busy');
    await made.place('acme/a', contentOf(1_000));
    const again = (await made.store.read('acme/a', (await lookAt('acme/a')).version, 0, never)) as AsyncIterable<Buffer>;
    writeFileSync(file, 'appended', { flag: 'a' });
    let length = 0;
    for await (const chunk of again) length += chunk.length;
    expect(length).toBe(1_000);
  });

  it('sees neither links nor pipes, and does not hang on one', async () => {
    await made.place('acme/b', Buffer.from('secret'));
    const { version } = await lookAt('acme/b');
    symlinkSync('b', file);
    expect(await made.store.look('acme/a')).toBeUndefined();
    expect(await readAll(made.store, 'acme/a', version)).toBeUndefined();
    unlinkSync(file);
    execFileSync('mkfifo', [file]);
    expect(await readAll(made.store, 'acme/a', version)).toBeUndefined();
    expect(await made.store.remove('acme/a', version)).toBe('absent');
    expect(await made.store.directories.names('acme')).toMatchObject({ names: new Map([['b', 'file']]), unlistable: 1 });
    const kinds = ['acme', 'acme/a', 'acme/b', 'acme/c', 'acme/b/c'].map((key) => made.store.directories.kindOf(key));
    expect(await Promise.all(kinds)).toEqual(['directory', 'other', 'file', undefined, undefined]);
    const { upload, settled, progress } = await settledUpload(Buffer.from('content'));
    expect(await kindOf(made.store.completeSettled(upload, progress, settled, undefined))).toBe('exists');
  });

  it('follows no link on the way to a file, and puts nothing behind one', async () => {
    await made.place('acme/real/a', Buffer.from('content'));
    const { version } = await lookAt('acme/real/a');
    const outside = mkdtempSync(path.join(path.dirname(made.roots.objects), 'outside-'));
    writeFileSync(path.join(outside, 'a'), 'secret');
    symlinkSync('real', path.join(made.roots.objects, 'acme/near'));
    symlinkSync(outside, path.join(made.roots.objects, 'acme/far'));
    const { directories } = made.store;
    for (const link of ['acme/near', 'acme/far']) {
      expect(await made.store.look(`${link}/a`)).toBeUndefined();
      expect(await readAll(made.store, `${link}/a`, version)).toBeUndefined();
      expect(await made.store.remove(`${link}/a`, version)).toBe('absent');
      expect(await directories.names(link)).toBeUndefined();
      expect(await directories.names(`${link}/b`)).toBeUndefined();
      expect(await directories.stamp(`${link}/b`)).toBeUndefined();
      expect(await directories.remove(`${link}/b`)).toBe('absent');
      expect(await directories.move(link, 'acme/elsewhere')).toBe('source-absent');
      expect(await directories.move('acme/real', `${link}/real`)).toBe('occupied');
      expect(await kindOf(directories.make(link))).toBe('not-a-directory');
      expect(await kindOf(directories.make(`${link}/b/c`))).toBe('not-a-directory');
      expect(await kindOf(made.store.move({ from: 'acme/real/a', version, to: `${link}/b`, over: undefined }))).toBe('not-a-directory');
      expect(await made.store.move({ from: `${link}/a`, version, to: 'acme/b', over: undefined })).toBe('source-absent');
      const { upload, settled, progress } = await settledUpload(Buffer.from('content'), link.slice(5), `${link}/b`);
      expect(await kindOf(made.store.completeSettled(upload, progress, settled, undefined))).toBe('not-a-directory');
    }
    expect(readdirSync(outside)).toEqual(['a']);
    expect(readdirSync(path.join(made.roots.objects, 'acme/real'))).toEqual(['a']);
  });

  it('counts names that cannot be listed and leaves them out', async () => {
    mkdirSync(path.dirname(file));
    for (const name of ['good', 'tab\tin it', 'back\\slash']) writeFileSync(path.join(path.dirname(file), name), '');
    writeFileSync(Buffer.concat([Buffer.from(`${path.dirname(file)}/`), Buffer.from([0x66, 0xfc])]), '');
    expect(await made.store.directories.names('acme')).toMatchObject({ names: new Map([['good', 'file']]), unlistable: 3 });
  });

  it('says that a file lies where a directory is needed', async () => {
    await made.place('acme/a', Buffer.from('x'));
    expect(await kindOf(made.store.directories.make('acme/a'))).toBe('not-a-directory');
    expect(await kindOf(made.store.directories.make('acme/a/b'))).toBe('not-a-directory');
  });

  it('closes a file that nobody begins to read when the transfer is aborted', async () => {
    await made.place('acme/a', Buffer.from('x'));
    const abort = new AbortController();
    const chunks = (await made.store.read('acme/a', (await lookAt('acme/a')).version, 0, abort.signal)) as AsyncIterable<Buffer>;
    abort.abort(new Error('stopped'));
    expect(() => chunks[Symbol.asyncIterator]()).toThrow('stopped');
  });
});

describe('keys', () => {
  it('with the prefix of temporary names lie below their own root', async () => {
    await made.place('acme/a', Buffer.from('content'));
    const { version } = await lookAt('acme/a');
    await made.store.move({ from: 'acme/a', version, to: '.temporary/acme/a.tmp', over: undefined });
    expect(readFileSync(path.join(made.roots.temporary, 'acme/a.tmp'), 'utf8')).toBe('content');
  });

  it.each(['../outside', 'acme/../../outside', '.temporary/../../outside'])('never lead out of their root: %s', async (key) => {
    await expect(made.store.look(key)).rejects.toThrow('a key leaves its root');
  });

  it.each(['..', '.boot-id', 'a/b', ''])('of part files are plain names: %s', async (uploadId) => {
    await expect(made.store.discard('token', 'acme/a', { ...noProgress, uploadId })).rejects.toMatchObject({ kind: 'store-unavailable' });
  });
});

describe('opening a directory store', () => {
  it('finds hard links and names that are told apart, and leaves no probes', async () => {
    const base = makeBase();
    const other = await makeDirectoryStore({ base });
    expect(other.store.directories.folds).toBe(false);
    expect(readdirSync(other.roots.incoming)).toEqual(['.boot-id']);
    expect(readdirSync(other.roots.objects)).toEqual([]);
    await other.end();
  });
});
