import { fileFaults, importFaults, portFaults, processFaults, replyFaults, rules, wordFaults } from './rules';
import { importsOf, readSources, type SourceFile, withoutComments } from './source';

const sources = readSources();
const all = (check: (file: SourceFile) => string[]) => sources.flatMap(check);

describe('the runtime', () => {
  it('is found', () => {
    expect(sources.length).toBeGreaterThan(100);
    for (const folder of Object.keys(rules)) expect(sources.some(({ name }) => name.startsWith(folder))).toBe(true);
  });

  it('imports only what the table allows', () => expect(all(importFaults)).toEqual([]));
  it('has files that are small and named for what is inside', () => expect(all(fileFaults)).toEqual([]));
  it('looks at its environment in one place', () => expect(all(processFaults)).toEqual([]));
  it('has the numbers of replies in one file', () => expect(all(replyFaults)).toEqual([]));
  it('keeps FTP out of its rules, stores and ports', () => expect(all(wordFaults)).toEqual([]));
  it('has ports without code', () => expect(all(portFaults)).toEqual([]));
});

/** Each rule is shown something wrong: a check that finds nothing, whatever it is given, would pass as well. */
describe('a check finds', () => {
  it.each([
    ['model/a.ts', "import { readFile } from 'node:fs/promises';"],
    ['model/a.ts', "import type { Clock } from '../ports/clock';"],
    ['protocol/a.ts', "import { Socket } from 'node:net';"],
    ['protocol/a.ts', "import type { Session } from '../session/session';"],
    ['ports/a.ts', "import { createServer } from 'node:net';"],
    ['config/a.ts', "import { Failure } from '../model/failure';"],
    ['filesystem/a.ts', "import * as replies from '../protocol/replies';"],
    ['filesystem/a.ts', "import { DirectoryObjectStore } from '../adapters/directory/directory-object-store';"],
    ['filesystem/a.ts', "import { createHash } from 'node:crypto';"],
    ['session/a.ts', "import { connect } from 'node:net';"],
    ['session/a.ts', "import { BlockList, connect } from 'node:net';"],
    ['session/a.ts', "import net from 'node:net';"],
    ['session/commands/a.ts', "import { TLSSocket } from 'node:tls';"],
    ['session/commands/a.ts', "import { FtpsServer } from '../../server/server';"],
    ['server/a.ts', "import { commit } from '../filesystem/commit';"],
    ['server/a.ts', "import { PassivePorts } from '../routing/passive-ports';"],
    ['routing/a.ts', "import { TLSSocket } from 'node:tls';"],
    ['routing/a.ts', "import * as replies from '../protocol/replies';"],
    ['adapters/lmdb/a.ts', "import { layout } from '../directory/layout';"],
    ['adapters/pino-log.ts', "import { randomIds } from './random-ids';"],
    ['adapters/memory/a.ts', "import { open } from 'lmdb';"],
    ['adapters/memory/a.ts', "const { open } = await import('lmdb');"],
    ['adapters/memory/a.ts', "const lmdb = require('lmdb');"],
    ['adapters/memory/a.ts', 'const any = require(name);'],
    ['adapters/memory/a.ts', "export { reply } from '../../protocol/reply';"],
    ['adapters/memory/a.ts', "import 'node:net';"],
    ['operator/a.ts', "import { startServer } from '../compose';"],
    ['operator/a.ts', "import { connect } from 'node:net';"],
    ['cli.ts', "import { randomIds } from './adapters/random-ids';"],
    ['cli.ts', "import { Failure } from './model/failure';"],
    ['compose.ts', "import { S3Client } from '@aws-sdk/client-s3';"],
    ['model/a.ts', "import { x } from '../../test/support/fake-clock';"],
    ['anything/a.ts', ''],
  ])('in %s the line %s', (name, text) => {
    expect(importFaults({ name, text })).toHaveLength(1);
  });

  it.each([
    ['utils/a.ts', ''],
    ['session/helpers.ts', ''],
    ['session/CamelCase.ts', ''],
    ['session/a_b.ts', ''],
    ['session/a.ts', 'x\n'.repeat(401)],
    ['session/a.ts', 'x\n'.repeat(251)],
  ])('that %s is no good file', (name, text) => {
    expect(fileFaults({ name, text })).not.toEqual([]);
  });

  it.each([
    ['compose.ts', 'const home = process.env.HOME;'],
    ['adapters/a.ts', "const home = process['env'];"],
    ['session/a.ts', 'process.exit(1);'],
    ['filesystem/a.ts', 'const { rss } = process.memoryUsage();'],
  ])('that %s must not say %s', (name, text) => {
    expect(processFaults({ name, text })).toHaveLength(1);
  });

  it.each([
    'return reply(226, "x");',
    'return { code: 550, lines: [] };',
    'if (answer.code === 421) stop();',
    "control.write('226 Done.')",
    'const text = `550-No such file`;',
  ])('the reply number of %s', (text) => {
    expect(replyFaults({ name: 'session/a.ts', text })).toHaveLength(1);
  });

  it('an FTP verb among the rules of files', () => {
    expect(wordFaults({ name: 'filesystem/a.ts', text: "if (verb === 'STOR') receive();" })).toHaveLength(1);
  });

  it.each(['export const limit = 5;', 'export function make() {}', 'class Store {}', 'export enum Kind { A }'])(
    'that a port holds %s',
    (text) => {
      expect(portFaults({ name: 'ports/a.ts', text })).toHaveLength(1);
    },
  );
});

describe('a check lets pass', () => {
  it.each([
    ['ports/a.ts', "import type { Socket } from 'node:net';"],
    ['session/a.ts', "import { BlockList, isIPv6 } from 'node:net';"],
    ['session/a.ts', "// import { connect } from 'node:net';"],
    ['adapters/lmdb/a.ts', "import { open, type RootDatabase } from 'lmdb';\nimport { encodeKey } from './row-codec';"],
    ['adapters/certificates/self-signed.ts', "const { generate } = await import('selfsigned');"],
    ['compose.ts', "import { Environment } from './adapters/lmdb/environment';"],
    ['server/a.ts', "import {\n  type AddressInfo,\n  connect,\n} from 'node:net';"],
  ])('in %s the line %s', (name, text) => {
    expect(importFaults({ name, text })).toEqual([]);
  });

  it.each([
    'const abortWait = 300;',
    'if (final.code >= 400) fail();',
    "'longer than 255 bytes'",
    '/** 226 is a receipt. */',
    'replies.transferComplete(426)',
  ])('the number of %s', (text) => {
    expect(replyFaults({ name: 'session/a.ts', text })).toEqual([]);
  });
});

describe('reading a source', () => {
  it('tells values from types', () => {
    expect(
      importsOf({ name: 'server/a.ts', text: "import { type Socket, connect as dial } from 'node:net';\nimport type { X } from './b';" }),
    ).toEqual([
      { from: 'node:net', target: undefined, values: ['connect'], typeOnly: false },
      { from: './b', target: 'server/b', values: [], typeOnly: true },
    ]);
  });

  it('drops comments and keeps what looks like one inside a string', () => {
    expect(withoutComments("const a = 'ftp://x'; // gone\n/* gone */ const b = `//kept`;")).toBe(
      "const a = 'ftp://x'; \n const b = `//kept`;",
    );
  });
});
