import { execFile, execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { connectFtps } from '../support/ftps-client';
import { type ServerProcess, startProcess } from '../support/server-process';

/**
 * A disk that fills up while a client uploads: the client is told, what was acknowledged stays as it is, the server lives, and room that is made is used. The
 * disk is a small tmpfs; where none can be mounted, a reserve that leaves as little of the memory that everybody shares.
 */
const mebibyte = 1024 * 1024;
const run = promisify(execFile);
const work = mkdtempSync(path.join(tmpdir(), 'causeway-full-'));
const undo: (() => unknown)[] = [];

afterAll(async () => {
  for (const step of undo.reverse()) await step();
  rmSync(work, { recursive: true, force: true });
});

/** A folder with so much room, and what the server must leave of it. */
function smallDisk(name: string, size: number): { folder: string; reserve: number } {
  const folder = mkdtempSync(path.join(work, name));
  const spare = 4 * mebibyte;
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', folder], { stdio: 'ignore' });
    undo.push(() => execFileSync('umount', [folder]));
    return { folder, reserve: spare };
  } catch {
    // Not allowed here.
    const shared = mkdtempSync(path.join(existsSync('/dev/shm') ? '/dev/shm' : work, name));
    undo.push(() => rmSync(shared, { recursive: true, force: true }));
    const { bavail, bsize } = statfsSync(shared);
    return { folder: shared, reserve: bavail * bsize - size + spare };
  }
}

function makeFile(name: string, size: number): { file: string; sha256: string } {
  const file = path.join(work, name);
  const bytes = randomBytes(size);
  writeFileSync(file, bytes);
  return { file, sha256: digest(bytes) };
}

const digest = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

describe.each([
  ['CAUSEWAY_OBJECTS_PATH', 40 * mebibyte],
  // The index keeps 32 MiB ready for itself.
  ['CAUSEWAY_DATA', 76 * mebibyte],
] as const)('%s on a small disk', (variable, size) => {
  let server: ServerProcess;
  let objects: string;
  const url = (name: string) => `ftp://localhost:${server.explicitPort}/${name}`;
  const curl = (...args: string[]) =>
    run('curl', ['-sS', '-m', '60', '--ssl-reqd', '--cacert', server.certificate, '--user', `demo:${server.password}`, ...args]);
  const stored = (name: string) => digest(readFileSync(path.join(objects, 'objects', 'demo', name)));

  beforeAll(async () => {
    const { folder, reserve } = smallDisk(variable.toLowerCase(), size);
    const data = variable === 'CAUSEWAY_DATA' ? folder : mkdtempSync(path.join(work, 'data-'));
    objects = folder;
    server = await startProcess(data, {
      CAUSEWAY_DISK_RESERVE: String(reserve),
      ...(variable === 'CAUSEWAY_OBJECTS_PATH' ? { CAUSEWAY_OBJECTS_PATH: folder } : {}),
    });
    undo.push(() => server.stop());
  });

  it('refuses with 452 what does not fit, keeps what was acknowledged, and goes on when there is room', async () => {
    const first = makeFile('first', 10 * mebibyte);
    const second = makeFile('second', 10 * mebibyte);
    const large = makeFile('large', 60 * mebibyte);
    await curl('-T', first.file, url('first'));
    await curl('-T', second.file, url('second'));

    // What it still sends is read into nothing for a while: a reset at once would be all that it sees.
    await expect(curl('-T', large.file, url('large'))).rejects.toThrow('452');
    const client = await connectFtps(server.explicitPort, { ca: readFileSync(server.certificate) });
    await client.ask('USER demo', '331 ');
    await client.ask(`PASS ${server.password}`, '230 ');
    await client.ask('PBSZ 0', '200 ');
    await client.ask('PROT P', '200 ');
    await client.ask('TYPE I', '200 ');
    // What was cut is kept for resume; when the same name comes again from its beginning, that room is used again, and is too little again.
    const connection = await client.data(await client.ask('EPSV', '229 '));
    const begun = await client.ask('STOR large', '');
    if (begun.startsWith('150 ')) {
      connection.socket.on('error', () => undefined); // It goes on sending for longer than that is read.
      connection.socket.write(readFileSync(large.file));
      await client.reply('452 ');
    } else {
      expect(begun).toMatch(/^452 .*No space left/);
    }
    // Now there is none for anybody, and nobody is told to send.
    await client.data(await client.ask('EPSV', '229 '));
    expect(await client.ask('STOR other', '452 ')).toContain('No space left');
    client.close();
    expect(server.log()).toMatch(/"path":"\/large",.*"code":452,.*No space left/);

    expect(stored('first')).toBe(first.sha256);
    expect(stored('second')).toBe(second.sha256);
    const { stdout: names } = await curl('-l', url(''));
    expect(names.split(/\r?\n/)).toEqual(expect.arrayContaining(['first', 'second']));

    await curl('-Q', 'DELE second', '-l', url(''));
    const third = makeFile('third', 5 * mebibyte);
    await curl('-T', third.file, url('third'));
    expect(stored('third')).toBe(third.sha256);
    const down = path.join(work, 'down');
    await curl('-o', down, url('third'));
    expect(digest(readFileSync(down))).toBe(third.sha256);
    expect(server.process.exitCode).toBeNull();
  });

  it('starts again with everything that was acknowledged', async () => {
    expect(await server.stop()).toBe(0);
    const data = path.dirname(server.certificate);
    const { password } = server;
    server = await startProcess(data, variable === 'CAUSEWAY_OBJECTS_PATH' ? { CAUSEWAY_OBJECTS_PATH: objects } : {});
    const { stdout } = await run('curl', [
      ...['-sS', '-m', '60', '--ssl-reqd', '--cacert', server.certificate, '--user', `demo:${password}`, '-l'],
      url(''),
    ]);
    expect(stdout.split(/\r?\n/)).toEqual(expect.arrayContaining(['first', 'third']));
  });
});
