import { execFileSync, spawn } from 'node:child_process';
import { chmodSync, chownSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

/** A server to compare with. */
export interface Peer {
  readonly name: string;
  /** With credentials, ending in a slash. */
  readonly url: string;
  /** Undefined: its CPU time is not known. */
  readonly pid: number | undefined;
  stop(): Promise<unknown>;
}

const binary = '/usr/sbin/vsftpd';

/** vsftpd with TLS and an anonymous upload folder, so that it needs no account of the machine. Undefined when it is not installed. */
export async function startVsftpd(folder: string): Promise<Peer | undefined> {
  if (!existsSync(binary)) return undefined;
  const root = path.join(folder, 'root');
  const upload = path.join(root, 'up');
  mkdirSync(upload, { recursive: true });
  mkdirSync(path.join(folder, 'empty'));
  const [uid, gid] = execFileSync('sh', ['-c', 'id -u ftp 2>/dev/null || id -u nobody; id -g ftp 2>/dev/null || id -g nobody'])
    .toString()
    .trim()
    .split('\n')
    .map(Number);
  chownSync(upload, uid ?? 0, gid ?? 0);
  for (const open of [path.dirname(folder), folder, root]) chmodSync(open, 0o755);
  const key = path.join(folder, 'key.pem');
  const certificate = path.join(folder, 'certificate.pem');
  execFileSync(
    'openssl',
    [
      'req',
      '-x509',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:P-256',
      '-nodes',
      '-subj',
      '/CN=localhost',
      '-days',
      '2',
      '-keyout',
      key,
      '-out',
      certificate,
    ],
    {
      stdio: 'ignore',
    },
  );
  const port = await freePort();
  const config = path.join(folder, 'vsftpd.conf');
  const settings = {
    listen: 'YES',
    listen_ipv6: 'NO',
    listen_address: '127.0.0.1',
    listen_port: port,
    background: 'NO',
    anonymous_enable: 'YES',
    local_enable: 'NO',
    write_enable: 'YES',
    anon_upload_enable: 'YES',
    anon_other_write_enable: 'YES',
    anon_umask: '022',
    anon_root: root,
    ssl_enable: 'YES',
    allow_anon_ssl: 'YES',
    force_anon_data_ssl: 'YES',
    force_anon_logins_ssl: 'YES',
    ssl_tlsv1: 'YES',
    rsa_cert_file: certificate,
    rsa_private_key_file: key,
    require_ssl_reuse: 'NO',
    ssl_ciphers: 'HIGH',
    secure_chroot_dir: path.join(folder, 'empty'),
    xferlog_enable: 'NO',
    seccomp_sandbox: 'NO',
    no_anon_password: 'YES',
  };
  writeFileSync(
    config,
    Object.entries(settings)
      .map(([name, value]) => `${name}=${value}\n`)
      .join(''),
  );
  const child = spawn(binary, [config], { stdio: 'inherit' });
  await reachable(port);
  return {
    name: 'vsftpd',
    url: `ftp://anonymous:x@localhost:${port}/up/`,
    pid: child.pid,
    stop: async () => {
      child.kill();
    },
  };
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer();
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}

async function reachable(port: number): Promise<void> {
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
  throw new Error('vsftpd does not listen');
}
