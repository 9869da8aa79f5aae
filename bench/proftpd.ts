import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import {
  cheapHash,
  environmentOf,
  findProgram,
  freePort,
  makeCertificate,
  makeUploadFolder,
  reachable,
  type StartPeer,
  unprivileged,
} from './peer';

/** ProFTPD with mod_tls and an account from a file. */
export const startProftpd: StartPeer = async (folder, programs) => {
  const found = findProgram('proftpd', programs);
  const modules = found && path.join(found.root, 'usr/lib/proftpd');
  if (!found || !modules || !existsSync(path.join(modules, 'mod_tls.so'))) return undefined;
  mkdirSync(folder, { recursive: true });
  const upload = makeUploadFolder(folder);
  const { key, certificate } = makeCertificate(folder);
  const password = 'bench';
  const { user, group, uid, gid } = unprivileged();
  const list = path.join(folder, 'passwd');
  writeFileSync(list, `bench:${cheapHash(password)}:${uid}:${gid}::${upload}:/bin/false\n`, { mode: 0o600 });
  const port = await freePort();
  const config = path.join(folder, 'proftpd.conf');
  const lines = [
    `ModulePath ${modules}`,
    'LoadModule mod_tls.c',
    'ServerType standalone',
    `Port ${port}`,
    'DefaultAddress 127.0.0.1',
    'SocketBindTight on',
    'UseIPv6 off',
    `User ${user}`,
    `Group ${group}`,
    'AuthOrder mod_auth_file.c',
    `AuthUserFile ${list}`,
    'RequireValidShell off',
    `DefaultRoot ${upload}`,
    'AllowOverwrite on',
    'WtmpLog off',
    'TransferLog none',
    'SystemLog none',
    'UseReverseDNS off',
    `ScoreboardFile ${path.join(folder, 'scoreboard')}`,
    `PidFile ${path.join(folder, 'pid')}`,
    `DelayTable none`,
    'DelayEngine off',
    'TLSEngine on',
    'TLSRequired on',
    `TLSECCertificateFile ${certificate}`,
    `TLSECCertificateKeyFile ${key}`,
    'TLSProtocol TLSv1.2 TLSv1.3',
    'TLSOptions NoSessionReuseRequired',
    `TLSLog none`,
  ];
  writeFileSync(config, `${lines.join('\n')}\n`);
  const child = spawn(found.program, ['-n', '-q', '-c', config], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: environmentOf(found.root),
  });
  await reachable(port, 'proftpd');
  return {
    name: 'proftpd',
    url: `ftp://bench:${password}@localhost:${port}/`,
    pid: child.pid,
    stop: async () => void child.kill(),
  };
};
