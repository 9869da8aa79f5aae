import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { makeCertificate } from '../support/certificates';
import { killAll, type Running, run, start } from './run-program';

const folder = mkdtempSync(path.join(tmpdir(), 'causeway-server-'));
const settings = (data: string, more: Record<string, string> = {}) => ({
  CAUSEWAY_DATA: path.join(folder, data),
  CAUSEWAY_HOST: '127.0.0.1',
  CAUSEWAY_EXPLICIT_PORT: '0',
  CAUSEWAY_IMPLICIT_PORT: '0',
  CAUSEWAY_PASSIVE_PORTS: 'free:5',
  ...more,
});
const ready = /lftp -e .*\n/;

afterAll(() => {
  killAll();
  rmSync(folder, { recursive: true, force: true });
});

const line = (server: Running, pattern: RegExp) => pattern.exec(server.out())?.[1];

it('runs, restarts with what it had, shares its folder with the command line and with no other server', async () => {
  const data = path.join(folder, 'kept');
  const first = start('main.ts', [], settings('kept'));
  await first.until(ready);
  expect(statSync(data).mode & 0o777).toBe(0o700);
  expect(line(first, /password: (\S+)/)).toMatch(/^[A-Za-z0-9]{20}$/);
  const fingerprint = line(first, /SHA-256 (\S+)/);
  // Logs are JSON on the other stream, and hold no password.
  for (const text of first.err().trim().split('\n')) expect(JSON.parse(text)).toHaveProperty('event');
  expect(first.err()).not.toContain(line(first, /password: (\S+)/));

  const [second, added, reconciled] = await Promise.all([
    run('main.ts', [], settings('kept')),
    run('cli.ts', ['partner', 'add', 'acme', '--json'], settings('kept')),
    run('cli.ts', ['reconcile'], settings('kept')),
  ]);
  expect(second.code).toBe(1);
  expect(second.err).toContain(`causeway: the folder ${data} is in use by another server (pid ${first.process.pid})`);
  expect(reconciled.code).toBe(1);
  expect(reconciled.err).toMatch(/^causeway: the folder .* is in use by another server \(pid \d+\); stop it[^\n]*\n$/);
  expect(added.code).toBe(0);
  expect(JSON.parse(added.out)).toMatchObject({ name: 'acme', home: 'acme', passwords: 1 });

  first.process.kill('SIGTERM');
  const { code, err } = await first.ended;
  expect(code).toBe(0);
  expect(err).toMatch(/"event":"server.stop"/);

  const again = start('main.ts', [], settings('kept'));
  await again.until(ready);
  expect(again.out()).toContain(`password: unchanged (a new one: CAUSEWAY_DATA=${data} npx causeway partner password demo)`);
  expect(line(again, /SHA-256 (\S+)/)).toBe(fingerprint);

  const { cert, key } = await makeCertificate('new.example');
  writeFileSync(path.join(data, 'certificate.pem'), cert);
  writeFileSync(path.join(data, 'key.pem'), key);
  again.process.kill('SIGHUP');
  await again.until(/"event":"certificate.loaded"/);

  const listed = await run('cli.ts', ['partner', 'list'], settings('kept'));
  expect(listed.out).toMatch(/^acme\tacme\tenabled\t.*\ndemo\tdemo\tenabled\t.*\n$/);
  again.process.kill('SIGINT');
  expect((await again.ended).code).toBe(0);
});

it('what Node warns of is a line of the log like any other', async () => {
  const preload = path.join(folder, 'warns.js');
  writeFileSync(preload, "process.emitWarning('something is old', 'DeprecationWarning', 'DEP0000');");
  const server = start('main.ts', [], settings('warned', { NODE_OPTIONS: `--require=${preload}` }));
  await server.until(ready);
  const lines = server.err().trim().split('\n');
  expect(lines.map((text) => JSON.parse(text) as object)).toContainEqual(
    expect.objectContaining({ level: 'warn', event: 'server.warning', text: 'something is old' }),
  );
  server.process.kill('SIGTERM');
  expect((await server.ended).code).toBe(0);
});

it('a second Ctrl-C does not wait for anybody', async () => {
  const server = start('main.ts', [], settings('impatient'));
  await server.until(ready);
  const port = Number(line(server, /explicit TLS: port (\d+)/));
  // A client that never hangs up holds the drain.
  const client = await new Promise<Socket>((resolve) => {
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true }, () => resolve(socket));
  });
  await new Promise((resolve) => client.once('data', resolve));
  client.pause();
  server.process.kill('SIGINT');
  await server.until(/"event":"server.drain"/);
  server.process.kill('SIGINT');
  expect((await server.ended).code).toBe(130);
  client.destroy();
});

it('serves on when whoever read its log has gone', async () => {
  const server = start('main.ts', [], settings('unread'));
  await server.until(ready);
  const port = Number(line(server, /explicit TLS: port (\d+)/));
  server.process.stdout?.destroy();
  server.process.stderr?.destroy();
  for (let visit = 0; visit < 3; visit++) {
    const client = connect(port, '127.0.0.1');
    const greeting = await new Promise<string>((resolve, reject) => {
      client.once('data', (bytes) => resolve(bytes.toString()));
      client.once('error', reject);
    });
    expect(greeting).toMatch(/^220 /);
    client.destroy();
  }
  server.process.kill('SIGTERM');
  expect((await server.ended).code).toBe(0);
});

it('is told all that is wrong with its settings, and ends with 2', async () => {
  const { code, out, err } = await run('main.ts', [], settings('faults', { CAUSEWAY_HSOT: '::', CAUSEWAY_LOG_LEVEL: 'loud' }));
  expect(code).toBe(2);
  expect(out).toBe('');
  expect(err.trim().split('\n')).toEqual([
    'causeway: CAUSEWAY_HSOT is not a setting: did you mean CAUSEWAY_HOST?',
    'causeway: CAUSEWAY_LOG_LEVEL is "loud", but must be one of debug, info, warn, error',
  ]);
});

it.each(['CAUSEWAY_EXPLICIT_PORT', 'CAUSEWAY_IMPLICIT_PORT', 'CAUSEWAY_PASSIVE_PORTS'])(
  'says which port is taken, when it is that of %s, and what to do',
  async (name) => {
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
    const { port } = taken.address() as { port: number };
    const { code, err } = await run('main.ts', [], settings(`taken-${name}`, { [name]: String(port) }));
    taken.close();
    expect(code).toBe(1);
    expect(err.trim().split('\n').at(-1)).toMatch(
      new RegExp(`^causeway: port 127\\.0\\.0\\.1:${port} is in use by another program: stop that one, or choose another port`),
    );
  },
);

it('says that its folder is a file, or a link to nowhere', async () => {
  writeFileSync(path.join(folder, 'file'), '');
  symlinkSync('nowhere', path.join(folder, 'link'));
  for (const data of ['file', 'file/below', 'link', 'link/below']) {
    const { code, err } = await run('main.ts', [], settings(data));
    expect(code).toBe(1);
    expect(err.trim().split('\n').at(-1)).toMatch(
      /^causeway: .*(file|link).* cannot be a folder, for there is a file, or a link that leads nowhere/,
    );
  }
});

const onLinux = process.platform === 'linux' ? it : it.skip;

onLinux.each([
  ['CAUSEWAY_DATA', '/proc/causeway/data'],
  ['CAUSEWAY_OBJECTS_PATH', '/proc/causeway'],
])('says that %s cannot be made where it was put, and does not try for ever', async (name, place) => {
  const { code, err } = await run('main.ts', [], settings('unmade', { [name]: place }));
  expect(code).toBe(1);
  expect(err.trim().split('\n').at(-1)).toMatch(/^causeway: \/proc\/causeway cannot be made in this place/);
});

it('a damaged index is told in a line by the server and by the commands, and moved away it costs no file', async () => {
  const data = path.join(folder, 'damaged');
  const index = path.join(data, 'index');
  mkdirSync(index, { recursive: true });
  writeFileSync(path.join(index, 'data.mdb'), 'no index');
  mkdirSync(path.join(data, 'objects', 'demo'), { recursive: true });
  const kept = path.join(data, 'objects', 'demo', 'kept.csv');
  writeFileSync(kept, 'kept');
  const expected = `causeway: the index is damaged: ${index}/data.mdb does not begin as an index of this version does. Move ${index} away,`;
  const [server, list] = await Promise.all([
    run('main.ts', [], settings('damaged')),
    run('cli.ts', ['partner', 'list'], settings('damaged')),
  ]);
  // Not beside the server: it would find the folder in use.
  const reconcile = await run('cli.ts', ['reconcile'], settings('damaged'));
  for (const { code, err } of [server, list, reconcile]) {
    expect(code).toBe(1);
    expect(err.trim().split('\n').at(-1)).toContain(expected);
  }
  renameSync(index, `${index}-damaged`);
  expect(await run('cli.ts', ['partner', 'add', 'demo'], settings('damaged'))).toMatchObject({ code: 0, err: '' });
  expect(await run('cli.ts', ['reconcile', '--dry-run'], settings('damaged'))).toMatchObject({
    out: expect.stringContaining('unknown  "demo/kept.csv"'),
  });
  expect(readFileSync(kept, 'utf8')).toBe('kept');
});

it.each([['reconcile'], ['import', '.', '--partner', 'demo'], ['sessions'], ['partner', 'list']])(
  '%s does not make the folder that a typing error names',
  async (...command) => {
    const { code, err } = await run('cli.ts', command, settings('tpyo'));
    expect(code).toBe(1);
    expect(err).toBe(`causeway: ${path.join(folder, 'tpyo')} is no data folder: start the server once, or set CAUSEWAY_DATA\n`);
    expect(existsSync(path.join(folder, 'tpyo'))).toBe(false);
  },
);

it('a certificate that cannot be fetched keeps it from starting, and names its setting', async () => {
  const { code, err } = await run(
    'main.ts',
    [],
    settings('fetched', { CAUSEWAY_CERTIFICATE_ARN: 'x', AWS_CONFIG_FILE: '/nowhere', AWS_EC2_METADATA_DISABLED: 'true' }),
  );
  expect(code).toBe(1);
  expect(err.trim().split('\n').at(-1)).toMatch(/^causeway: the certificate that CAUSEWAY_CERTIFICATE_ARN names cannot be fetched/);
});

it('a certificate that cannot be used keeps it from starting', async () => {
  const certificate = path.join(folder, 'bad.pem');
  writeFileSync(certificate, 'nothing');
  const { code, err } = await run('main.ts', [], settings('bad', { CAUSEWAY_CERTIFICATE: certificate, CAUSEWAY_KEY: certificate }));
  expect(code).toBe(1);
  expect(err.trim().split('\n').at(-1)).toMatch(/^causeway: /);
  expect(() => readFileSync(path.join(folder, 'bad', 'certificate.pem'))).toThrow('ENOENT');
});
