import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import path from 'node:path';

/**
 * What is wrong with an LMDB file, found before LMDB opens it: where its first page is none, or a page lies behind the end of the file, LMDB ends the process
 * by a signal, and nobody is told why. What is wrong inside a page is met when the page is read, and LMDB tells it as an error.
 */

/** A page of LMDB 0.9.90, the version of the package `lmdb`: where things lie in it, in bytes, little-endian. */
const at = { flags: 18, magic: 24, version: 28, pageSize: 48, lastPage: 144, transaction: 152 } as const;
const lengthOfMeta = 160;
const metaFlag = 0x08;
const magic = 0xbeefc0de;
const version = 2;

interface Meta {
  readonly pageSize: number;
  readonly lastPage: bigint;
  readonly transaction: bigint;
}

/** Undefined: it can be opened, or is not there yet. */
export function damageOf(folder: string): string | undefined {
  const file = path.join(folder, 'data.mdb');
  let descriptor: number;
  try {
    descriptor = openSync(file, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  try {
    if (fstatSync(descriptor).size === 0) return undefined;
    const first = readMeta(descriptor, 0);
    if (!first) return `${file} does not begin as an index of this version does`;
    const second = readMeta(descriptor, first.pageSize);
    const newest = second && second.transaction > first.transaction ? second : first;
    const wanted = (newest.lastPage + 1n) * BigInt(first.pageSize);
    // Asked after the pages were read: a server that is at work makes it longer, never shorter.
    const { size } = fstatSync(descriptor);
    return BigInt(size) < wanted ? `${file} has ${size} bytes, and should have at least ${wanted}` : undefined;
  } finally {
    closeSync(descriptor);
  }
}

function readMeta(descriptor: number, position: number): Meta | undefined {
  const page = Buffer.alloc(lengthOfMeta);
  if (readSync(descriptor, page, 0, lengthOfMeta, position) < lengthOfMeta) return undefined;
  const sound =
    (page.readUInt16LE(at.flags) & metaFlag) !== 0 && page.readUInt32LE(at.magic) === magic && page.readUInt32LE(at.version) === version;
  return sound
    ? {
        pageSize: page.readUInt32LE(at.pageSize),
        lastPage: page.readBigUInt64LE(at.lastPage),
        transaction: page.readBigUInt64LE(at.transaction),
      }
    : undefined;
}
