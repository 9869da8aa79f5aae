import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { openSessions } from '../../runtime/compose';
import { type Config, readConfig } from '../../runtime/config/config';
import type { SessionRow } from '../../runtime/ports/lease-store';
import { connectFtps } from '../support/ftps-client';
import { killAll, type Running, run, start } from './run-program';

/** `causeway sessions` and `causeway kick` beside a running server: of one process, and of several. */
const folder = mkdtempSync(path.join(tmpdir(), 'causeway-sessions-'));

afterAll(() => {
  killAll();
  rmSync(folder, { recursive: true, force: true });
});

const line = (server: Running, pattern: RegExp) => pattern.exec(server.out())?.[1] as string;

async function logIn(server: Running, data: string) {
  const ca = readFileSync(path.join(data, 'certificate.pem'));
  const client = await connectFtps(Number(line(server, /explicit TLS: port (\d+)/)), { ca });
  await client.ask('USER demo', '331 ');
  await client.ask(`PASS ${line(server, /password: (\S+)/)}`, '230 ');
  await client.ask('PBSZ 0', '200 ');
  await client.ask('PROT P', '200 ');
  await client.ask('TYPE I', '200 ');
  return client;
}

it.each([
  ['one process', '1'],
  ['two workers', '2'],
])(
  'sessions of %s are listed with their transfers, and end when they are kicked',
  async (_, workers) => {
    const data = path.join(folder, `of-${workers}`);
    const settings = {
      CAUSEWAY_DATA: data,
      CAUSEWAY_HOST: '127.0.0.1',
      CAUSEWAY_EXPLICIT_PORT: '0',
      CAUSEWAY_IMPLICIT_PORT: '0',
      CAUSEWAY_PASSIVE_PORTS: 'free:5',
      CAUSEWAY_WORKERS: workers,
    };
    const causeway = (...args: string[]) => run('cli.ts', args, settings);
    /** Rows are written every second: the number may come a moment later. */
    const listedWith = async (bytes: number): Promise<readonly SessionRow[]> => {
      for (let look = 0; look < 10; look++) {
        const rows = JSON.parse((await causeway('sessions', '--json')).out) as SessionRow[];
        if (rows.some(({ transfer }) => transfer?.bytes === bytes)) return rows;
      }
      throw new Error(`no transfer of ${bytes} bytes is listed`);
    };
    const server = start('main.ts', [], settings);
    await server.until(/lftp -e .*\n/);
    const opened = await openSessions(readConfig(settings, 1e9) as Config);
    const [idle, busy] = [await logIn(server, data), await logIn(server, data)];
    const data1 = await busy.data(await busy.ask('EPSV', '229 '));
    await busy.ask('STOR kept.bin', '150 ');
    await new Promise((resolve) => data1.socket.write(Buffer.alloc(300_000), resolve));

    const rows = await listedWith(300_000);
    expect(rows).toHaveLength(2);
    const [first, second] = rows as [SessionRow, SessionRow];
    expect(first).toMatchObject({ client: '127.0.0.1', user: 'demo' });
    expect(second.transfer).toMatchObject({ verb: 'STOR', path: '/kept.bin', bytes: 300_000 });
    // Each worker has one of them.
    expect(new Set(rows.map(({ task }) => task)).size).toBe(Number(workers));

    const kicking = causeway('kick', second.id);
    await busy.reply('426 Ended by the operator. 234464 bytes are kept for resume.');
    await busy.reply('421 This session was ended by the operator');
    busy.close();
    expect(await kicking).toEqual({ code: 0, out: `session ${second.id} of demo ended\n`, err: '' });
    expect((await opened.sessions.list()).map(({ id }) => id)).toEqual([first.id]);
    await expect(opened.sessions.kick(second.id)).rejects.toThrow(`there is no session ${second.id}`);
    await idle.ask('NOOP', '200 ');

    server.process.kill('SIGTERM');
    await idle.reply('421 Server restarting');
    idle.close();
    expect((await server.ended).code).toBe(0);
    expect(await causeway('sessions')).toEqual({ code: 0, out: 'no sessions\n', err: '' });
  },
  60_000,
);

it('the command line lists none beside a server that has ended, and says that there never was one', async () => {
  const [ended, never] = await Promise.all([
    run('cli.ts', ['sessions'], { CAUSEWAY_DATA: path.join(folder, 'of-1') }),
    run('cli.ts', ['sessions'], { CAUSEWAY_DATA: path.join(folder, 'nowhere') }),
  ]);
  expect(ended).toEqual({ code: 0, out: 'no sessions\n', err: '' });
  expect(never).toEqual({ code: 1, out: '', err: expect.stringMatching(/nowhere is no data folder: start the server once/) });
});
