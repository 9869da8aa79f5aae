import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { curl, lftp, sendOverTls } from './clients';
import type { Load } from './measure';

/** What partners do, as loads of a size. */
const smallFile = 10_000;

export function makeFile(work: string, name: string, mib: number): string {
  const file = path.join(work, name);
  const chunk = randomBytes(1024 * 1024);
  writeFileSync(file, '');
  for (let written = 0; written < mib; written++) writeFileSync(file, chunk, { flag: 'a' });
  return file;
}

function makeSmallFiles(work: string, count: number): string {
  const folder = path.join(work, `small-${count}`);
  mkdirSync(folder);
  for (let index = 0; index < count; index++) writeFileSync(path.join(folder, `file-${index}`), randomBytes(smallFile));
  return folder;
}

const inBytes = (mib: number) => ({ amount: mib * 1.048576, speed: 'MB/s', perCpu: mib / 1024, cpu: 'CPU s/GiB' });
const inFiles = (files: number) => ({ amount: files, speed: 'files/s', perCpu: files / 1000, cpu: 'CPU ms/file' });

/** A bare TLS socket takes it too, for comparison. */
export function upload(work: string, mib: number): Load {
  const file = makeFile(work, 'upload.bin', mib);
  return {
    title: `upload, ${mib} MiB`,
    transfer: ({ url }) => (url.startsWith('tls:') ? sendOverTls(new URL(url).host, file) : curl('-T', file, `${url}upload.bin`)),
    ...inBytes(mib),
  };
}

export function download(work: string, mib: number): Load {
  const file = makeFile(work, 'download.bin', mib);
  return {
    title: `download, ${mib} MiB`,
    prepare: ({ url }) => curl('-T', file, `${url}download.bin`),
    transfer: ({ url }) => curl('-o', '/dev/null', `${url}download.bin`),
    ...inBytes(mib),
  };
}

/** One after the other over one control connection. */
export function smallFiles(work: string, files: number): Load {
  const folder = makeSmallFiles(work, files);
  return {
    title: `${files} files of ${smallFile} bytes over one session`,
    transfer: ({ url }) => lftp(url, `mput ${folder}/*`),
    ...inFiles(files),
  };
}

export function smallFilesAtOnce(work: string, files: number, sessions: number): Load {
  const each = Math.ceil(files / sessions);
  const folder = makeSmallFiles(work, each);
  const all = Array.from({ length: sessions }, (_, session) => `session-${session}`);
  return {
    title: `${each * sessions} files of ${smallFile} bytes over ${sessions} sessions`,
    transfer: ({ url }) => Promise.all(all.map((name) => lftp(url, `mkdir -pf ${name}; cd ${name}; mput ${folder}/*`))),
    ...inFiles(each * sessions),
  };
}

export function uploadsAtOnce(work: string, mib: number, uploads: number): Load {
  const file = makeFile(work, `at-once-${uploads}.bin`, mib);
  const all = Array.from({ length: uploads }, (_, index) => index);
  return {
    title: `${uploads} uploads of ${mib} MiB at once`,
    transfer: ({ url }) => Promise.all(all.map((index) => curl('-T', file, `${url}at-once-${index}.bin`))),
    ...inBytes(mib * uploads),
  };
}

/** There and back again, so that every round finds what it needs. */
export function renames(work: string, mib: number, count: number): Load {
  const file = makeFile(work, `rename-${mib}.bin`, mib);
  const commands = Array.from({ length: count }, (_, index) => (index % 2 === 0 ? 'mv one two' : 'mv two one')).join('; ');
  return {
    title: `${count} renames of ${mib} MiB`,
    prepare: ({ url }) => curl('-T', file, `${url}one`),
    transfer: ({ url }) => lftp(url, commands),
    ...inFiles(count),
  };
}

export function listings(work: string, entries: number, count: number): Load {
  const folder = makeSmallFiles(work, entries);
  const commands = Array.from({ length: count }, () => 'recls -1 > /dev/null').join('; ');
  return {
    title: `${count} listings of ${entries} files`,
    prepare: ({ url }) => lftp(url, `mkdir -pf listed; cd listed; mput ${folder}/*`),
    transfer: ({ url }) => lftp(`${url}listed`, commands),
    amount: count,
    speed: 'listings/s',
    perCpu: count / 1000,
    cpu: 'CPU ms/listing',
  };
}
