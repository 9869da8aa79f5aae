import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

/** A server to compare with, and what the starters of the known ones share. */
export interface Peer {
  readonly name: string;
  /** With credentials, ending in a slash. */
  readonly url: string;
  /** Root of its process tree. Undefined: its CPU time is not known. */
  readonly pid: number | undefined;
  stop(): Promise<unknown>;
}

/** Starts one in its own folder; undefined when its program is not there. */
export type StartPeer = (folder: string, programs: Programs) => Promise<Peer | undefined>;

/**
 * Where programs are looked for: first below the roots of unpacked packages, for Debian lets only one of these servers be installed at a time, then where the
 * system has them.
 */
export interface Programs {
  readonly roots: readonly string[];
}

export function findProgram(name: string, { roots }: Programs): { program: string; root: string } | undefined {
  for (const root of [...roots, '/'])
    for (const folder of ['usr/sbin', 'usr/bin']) {
      const program = path.join(root, folder, name);
      if (existsSync(program)) return { program, root };
    }
  return undefined;
}

/** Libraries that were unpacked together with it. */
export function environmentOf(root: string): Record<string, string | undefined> {
  const libraries = path.join(root, 'usr/lib/x86_64-linux-gnu');
  return { PATH: process.env['PATH'], ...(root !== '/' && existsSync(libraries) && { LD_LIBRARY_PATH: libraries }) };
}

/** An account without rights for the transfers: that of FTP where there is one, else the one that every machine has. */
export function unprivileged(): { user: string; group: string; uid: number; gid: number; home: string } {
  const accounts = readTable('/etc/passwd');
  const account = accounts.find(([name]) => name === 'ftp') ?? accounts.find(([name]) => name === 'nobody') ?? [];
  const [user = 'nobody', , uid = '65534', gid = '65534', , home = '/'] = account;
  const group = readTable('/etc/group').find(([, , id]) => id === gid)?.[0] ?? user;
  return { user, group, uid: Number(uid), gid: Number(gid), home };
}

function readTable(file: string): string[][] {
  return readFileSync(file, 'utf8')
    .split('\n')
    .map((line) => line.split(':'));
}

/** A folder that account may write to; it can reach it. */
export function makeUploadFolder(folder: string, name = 'up'): string {
  const upload = path.join(folder, name);
  mkdirSync(upload, { recursive: true });
  const { uid, gid } = unprivileged();
  chownSync(upload, uid, gid);
  for (const open of [path.dirname(folder), folder]) chmodSync(open, 0o755);
  return upload;
}

/** The kind of key that Causeway makes for itself, so that handshakes cost the same. */
export function makeCertificate(folder: string): { key: string; certificate: string } {
  const key = path.join(folder, 'key.pem');
  const certificate = path.join(folder, 'certificate.pem');
  const how = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj', '/CN=localhost', '-days', '2'];
  execFileSync('openssl', [...how, '-keyout', key, '-out', certificate], { stdio: 'ignore' });
  return { key, certificate };
}

/** A hash of the old kind that costs nothing: what is compared is the transfer, not the password. */
export function cheapHash(password: string): string {
  return execFileSync('openssl', ['passwd', '-1', password]).toString().trim();
}

export function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer();
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}

export async function reachable(port: number, name: string): Promise<void> {
  for (let attempt = 0; attempt < 50; attempt++) {
    const open = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1');
      socket.once('connect', () => {
        socket.destroy();
        resolve(true);
      });
      socket.once('error', () => resolve(false));
    });
    if (open) return;
    await pause(100);
  }
  throw new Error(`${name} does not listen`);
}
