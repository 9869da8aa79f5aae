import { execFileSync, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
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

/**
 * Pure-FTPd with an account of its own database, whose hash costs nothing; with one of its usual hashes a benchmark of small files measures nothing else.
 */
export const startPureFtpd: StartPeer = async (folder, programs) => {
  const found = findProgram('pure-ftpd', programs);
  const accounts = findProgram('pure-pw', programs);
  if (!found || !accounts) return undefined;
  const env = environmentOf(found.root);
  const upload = makeUploadFolder(folder);
  const { key, certificate } = makeCertificate(folder);
  const password = 'bench';
  const { uid, gid } = unprivileged();
  const list = path.join(folder, 'passwd');
  const database = path.join(folder, 'accounts.pdb');
  writeFileSync(list, `bench:${cheapHash(password)}:${uid}:${gid}::${upload}/./::::::::::::\n`);
  execFileSync(accounts.program, ['mkdb', database, '-f', list], { env });
  const port = await freePort();
  const options = [
    '-S',
    `127.0.0.1,${port}`,
    '-l',
    `puredb:${database}`,
    '-Y',
    '2',
    '-2',
    `${certificate},${key}`,
    '-E',
    '-A',
    '-H',
    '-u',
    '1',
  ];
  const child = spawn(found.program, [...options, '-g', path.join(folder, 'pid')], { stdio: 'inherit', env });
  await reachable(port, 'pure-ftpd');
  return {
    name: 'pure-ftpd',
    url: `ftp://bench:${password}@localhost:${port}/`,
    pid: child.pid,
    stop: async () => void child.kill(),
  };
};
