import { randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { connectFtps, type FtpsClient } from '../support/ftps-client';
import { type ServerProcess, startProcess } from '../support/server-process';

/**
 * What FileZilla and WinSCP say and what they insist on, replayed over TLS against the real server: they cannot be run without a screen. Each looks at the
 * exact texts it decides by, at the resumption of every data connection, and at bytes that must not come.
 */
let data: string;
let server: ServerProcess;

beforeAll(async () => {
  data = mkdtempSync(path.join(tmpdir(), 'causeway-replay-'));
  server = await startProcess(data);
});

afterAll(async () => {
  await server.stop();
  rmSync(data, { recursive: true, force: true });
});

const stored = (name: string) => path.join(data, 'objects', 'demo', name);
const content = randomBytes(300_000);

const featureLines =
  ' AUTH TLS| PBSZ| PROT| EPSV| UTF8| TVFS| SIZE| MDTM| MFMT| REST STREAM| MLST type*;size*;modify*;perm*;unique*;| LANG EN*| CLNT';

async function listing(client: FtpsClient, command = 'MLSD'): Promise<string> {
  const connection = await client.data(await client.ask('PASV', '227 Entering Passive Mode (127,0,0,1,'));
  await client.ask(command, '150 ');
  const text = (await connection.readAll()).toString();
  await client.reply('226 ');
  expect(connection.resumed).toBe(true);
  return text;
}

async function upload(client: FtpsClient, command: string, bytes: Buffer): Promise<void> {
  const connection = await client.data(await client.ask('PASV', '227 '));
  await client.ask(command, '150 ');
  // FileZilla takes any byte from the server for a failure.
  expect((await connection.sendAll(bytes)).length).toBe(0);
  await client.reply('226 ');
  expect(connection.resumed).toBe(true);
}

/** Bytes are sent and the connection then broken, as when the client's line goes down. */
async function cutUpload(client: FtpsClient, command: string, bytes: Buffer): Promise<void> {
  const connection = await client.data(await client.ask('PASV', '227 '));
  await client.ask(command, '150 ');
  await new Promise((resolve) => connection.socket.write(bytes, resolve));
  connection.socket.destroy();
  await client.reply('426 ');
}

const sizeIn = (facts: string, name: string) => Number(new RegExp(`size=(\\d+);[^ ]* ${name}\r\n`).exec(facts)?.[1]);

async function begin(version: 'TLSv1.2' | 'TLSv1.3', implicit: boolean, before: Parameters<typeof connectFtps>[2]): Promise<FtpsClient> {
  const ca = readFileSync(server.certificate);
  return connectFtps(implicit ? server.implicitPort : server.explicitPort, { implicit, ca, version }, before);
}

describe.each([
  ['TLSv1.2', false],
  ['TLSv1.3', false],
  ['TLSv1.2', true],
  ['TLSv1.3', true],
] as const)('%s, implicit %s', (version, implicit) => {
  it('FileZilla: lists, uploads, continues a cut upload, sets the time', async () => {
    const client = await begin(version, implicit, []);
    await client.ask('USER demo', '331 ');
    await client.ask(`PASS ${server.password}`, '230 ');
    await client.ask('SYST', '215 UNIX Type: L8\r\n');
    expect((await client.ask('FEAT', '211-')).split('\r\n').slice(1, -2).join('|')).toBe(featureLines);
    await client.ask('CLNT FileZilla', '200 ');
    await client.ask('OPTS UTF8 ON', '200 ');
    await client.ask('PBSZ 0', '200 ');
    await client.ask('PROT P', '200 ');
    await client.ask('OPTS MLST type;size;modify;perm;', '200 MLST OPTS type;size;modify;perm;\r\n');
    await client.ask('PWD', '257 "/" ');
    await client.ask('TYPE I', '200 ');
    await listing(client);
    const folder = `fz-${version}-${implicit}`;
    await client.ask(`MKD ${folder}`, `257 "/${folder}"`);
    await client.ask(`CWD /${folder}`, '250 ');
    expect(await listing(client)).toBe('');
    await upload(client, 'STOR ä b.csv', content);
    expect(await listing(client)).toMatch(/^type=file;size=300000;modify=\d{14};perm=adfrw; ä b\.csv\r\n$/);
    await client.ask('MFMT 20240102030405 ä b.csv', `213 Modify=20240102030405; /${folder}/ä b.csv`);
    await cutUpload(client, 'STOR cut.bin', content);
    const size = sizeIn(await listing(client), 'cut.bin');
    expect(size).toBeLessThan(content.length);
    await client.ask('SIZE cut.bin', `213 ${size}\r\n`);
    await upload(client, 'APPE cut.bin', content.subarray(size));
    await client.ask('SIZE cut.bin', '213 300000\r\n');
    expect(readFileSync(stored(`${folder}/cut.bin`)).equals(content)).toBe(true);
    expect(readFileSync(stored(`${folder}/ä b.csv`)).equals(content)).toBe(true);
    // Keep-alive while nothing happens.
    for (const command of ['NOOP', 'TYPE I', 'PWD']) await client.ask(command, '2');
    await client.ask('DELE cut.bin', '250 ');
    await client.ask('DELE ä b.csv', '250 ');
    await client.ask('CDUP', '250 ');
    await client.ask(`RMD ${folder}`, '250 ');
    client.close();
  });

  it('WinSCP: uploads to .filepart, continues it, renames it over the file that is there', async () => {
    const client = await begin(version, implicit, [['HOST localhost', '502 ']]);
    await client.ask('USER demo', '331 ');
    await client.ask(`PASS ${server.password}`, '230 ');
    await client.ask('SYST', '215 UNIX Type: L8\r\n');
    await client.ask('FEAT', '211-');
    await client.ask('CLNT WinSCP-release-6', '200 ');
    await client.ask('OPTS UTF8 ON', '200 ');
    await client.ask('PBSZ 0', '200 ');
    await client.ask('PROT P', '200 ');
    await client.ask('PWD', '257 "/" ');
    await client.ask('TYPE I', '200 ');
    await upload(client, 'STOR report.csv', Buffer.from('the one before'));
    await listing(client, 'MLSD');
    await cutUpload(client, 'STOR report.csv.filepart', content);
    const size = sizeIn(await listing(client), 'report.csv.filepart');
    await client.ask(`REST ${size}`, '350 ');
    await upload(client, 'STOR report.csv.filepart', content.subarray(size));
    // Downstream sees the file before, whole, until the rename.
    expect(readFileSync(stored('report.csv'), 'utf8')).toBe('the one before');
    expect(existsSync(stored('report.csv.filepart'))).toBe(false);
    await client.ask('RNFR report.csv.filepart', '350 ');
    await client.ask('RNTO report.csv', '250 ');
    expect(readFileSync(stored('report.csv')).equals(content)).toBe(true);
    await client.ask('MFMT 20240102030405 report.csv', '213 ');
    await client.ask('MDTM report.csv', '213 20240102030405\r\n');
    expect(await listing(client)).toMatch(/^type=file;size=300000;modify=20240102030405;[^ ]* report\.csv\r\n$/m);
    await client.ask('DELE report.csv', '250 ');
    await client.ask('QUIT', '221 ');
    client.close();
  });
});
