import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { type ServerProcess, startProcess } from '../support/server-process';

/** CCC with curl, which can end TLS on the control connection in both orders: whoever sends close_notify first, the other answers, and commands go on in clear. */
const run = promisify(execFile);
const root = path.join(__dirname, '..', '..');
const folder = mkdtempSync(path.join(tmpdir(), 'causeway-ccc-'));
const data = path.join(folder, 'data');
const file = path.join(folder, 'file');
const content = randomBytes(3_000_000);

let server: ServerProcess;

beforeAll(async () => {
  writeFileSync(file, content);
  server = await startProcess(data);
});

afterAll(async () => {
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
});

const curl = (mode: 'active' | 'passive', tls: string, ...args: string[]) =>
  run('curl', [
    ...['-sS', '-v', '-m', '30', '--ssl-reqd', '--cacert', server.certificate, '--user', `demo:${server.password}`],
    ...['--ftp-ssl-ccc', '--ftp-ssl-ccc-mode', mode, '--tlsv1.2', '--tls-max', tls, ...args],
  ]);
const url = (name: string) => `ftp://localhost:${server.explicitPort}/${name}`;

it('is refused unless the partner may; curl then stays under TLS', async () => {
  const { stderr } = await curl('passive', '1.3', '-T', file, url('refused.bin'));
  expect(stderr).toMatch(/> CCC\r?\n(?:.*\n)*?< 534 Clearing the command channel is not allowed for this account\./);
  expect(readFileSync(path.join(data, 'objects/demo/refused.bin')).equals(content)).toBe(true);
});

describe('for a partner who may', () => {
  beforeAll(async () => {
    const env = { PATH: process.env['PATH'], CAUSEWAY_DATA: data };
    await run(process.execPath, [path.join(root, 'dist/runtime/cli.js'), 'partner', 'set', 'demo', '--switch', 'allowCcc=true'], { env });
  });

  it.each([
    ['passive', '1.2'],
    ['passive', '1.3'],
    ['active', '1.2'],
    ['active', '1.3'],
  ] as const)('commands go on in clear after it, transfers under TLS: %s, TLS %s', async (mode, tls) => {
    const name = `${mode}-${tls}.bin`;
    const { stderr } = await curl(mode, tls, '-T', file, url(name));
    expect(stderr).toMatch(/> CCC\r?\n(?:.*\n)*?< 200 Command channel is clear from now on\./);
    expect(stderr).toMatch(/< 226 Transfer complete\./);
    expect(readFileSync(path.join(data, 'objects/demo', name)).equals(content)).toBe(true);
    const down = path.join(folder, 'down');
    await curl(mode, tls, '-o', down, url(name));
    expect(readFileSync(down).equals(content)).toBe(true);
    // What curl says at the end of a session came in clear and was understood.
    expect(server.log()).toMatch(/"verb":"QUIT","code":221/);
  });
});
