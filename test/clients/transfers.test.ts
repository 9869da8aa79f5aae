import { execFile } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { closeSync, createReadStream, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { Client } from 'basic-ftp';
import { type ServerProcess, startProcess } from '../support/server-process';
import { describeShapes, embedded, type Store, s3AndDynamodb, s3AndLmdb } from '../support/shapes';

/** Real clients against the real server in each of its shapes: what they send is what lies in the folder or the bucket, to the bit. */
const run = promisify(execFile);

async function sha256(file: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(file)) hash.update(chunk as Buffer);
  return hash.digest('hex');
}

let work: string;
function makeFile(name: string, size: number): string {
  const file = path.join(work, name);
  const descriptor = openSync(file, 'w');
  for (let left = size; left > 0; left -= Math.min(left, 8_388_608)) writeSync(descriptor, randomBytes(Math.min(left, 8_388_608)));
  closeSync(descriptor);
  return file;
}

const modes = [
  { mode: 'explicit', tls: '1.2' },
  { mode: 'explicit', tls: '1.3' },
  { mode: 'implicit', tls: '1.2' },
  { mode: 'implicit', tls: '1.3' },
] as const;

type Mode = (typeof modes)[number];
describeShapes([embedded, s3AndLmdb, s3AndDynamodb], (shape) => {
  let data: string;
  let store: Store;
  let server: ServerProcess;
  let atStart: string;

  beforeAll(async () => {
    data = mkdtempSync(path.join(tmpdir(), 'causeway-data-'));
    work = mkdtempSync(path.join(tmpdir(), 'causeway-work-'));
    store = await shape.start(data);
    server = await startProcess(data, store.environment);
    atStart = server.log();
  });

  afterAll(async () => {
    const code = await server.stop();
    await store.stop();
    rmSync(data, { recursive: true, force: true });
    rmSync(work, { recursive: true, force: true });
    expect(code).toBe(0);
  });

  const stored = (name: string) => store.sha256(`demo/${name}`);
  const portOf = ({ mode }: Mode) => (mode === 'explicit' ? server.explicitPort : server.implicitPort);

  describe.each(modes)('curl, $mode TLS $tls', (how) => {
    const curl = (...args: string[]) => {
      const versions = ['--tlsv1.2', '--tls-max', how.tls, ...(how.tls === '1.3' ? ['--tlsv1.3'] : [])];
      return run(
        'curl',
        ['-sS', '-m', '120', '--ssl-reqd', ...versions, '--cacert', server.certificate, '--user', `demo:${server.password}`, ...args],
        {
          maxBuffer: 64 * 1024 * 1024,
        },
      );
    };
    const url = (name: string) => `${how.mode === 'implicit' ? 'ftps' : 'ftp'}://localhost:${portOf(how)}/${name}`;

    it.each([0, 1, 300_000, 20_000_000])('uploads and downloads %i bytes', async (size) => {
      const file = makeFile('file', size);
      await curl('-T', file, url('curl.bin'));
      expect(await stored('curl.bin')).toBe(await sha256(file));
      await curl('-o', path.join(work, 'down'), url('curl.bin'));
      if (size > 0) expect(await sha256(path.join(work, 'down'))).toBe(await sha256(file));
    });

    it('resumes an upload that was cut in the middle', async () => {
      const file = makeFile('cut', 30_000_000);
      await expect(curl('-m', '1', '--limit-rate', '10M', '-T', file, url('resumed.bin'))).rejects.toThrow();
      await curl('-C', '-', '-T', file, url('resumed.bin'));
      expect(await stored('resumed.bin')).toBe(await sha256(file));
    });

    it('sends several files over one control connection', async () => {
      const file = makeFile('several', 300_000);
      await curl('-T', `{${file},${file}}`, '--ftp-create-dirs', url('deep/er/'));
      expect(await stored('deep/er/several')).toBe(await sha256(file));
      const { stdout } = await curl(url('deep/er/'));
      expect(stdout).toMatch(/^-rw-r--r-- {3}1 ftp {6}ftp {12}300000 \w{3} [ \d]\d \d\d:\d\d several\r?\n$/);
    });
  });

  describe.each(modes)('lftp, $mode TLS $tls', (how) => {
    const lftp = (commands: string) => {
      const prologue = `set ssl:ca-file ${server.certificate}; set ftp:ssl-force true; set ftp:ssl-protect-data true; set net:timeout 30; set net:max-retries 2; set xfer:clobber on; set ssl:priority NORMAL:-VERS-ALL:+VERS-TLS${how.tls}`;
      const url = `${how.mode === 'implicit' ? 'ftps' : 'ftp'}://localhost:${portOf(how)}`;
      return run('lftp', ['-e', `${prologue}; ${commands}; bye`, '-u', `demo,${server.password}`, url], { timeout: 120_000 });
    };

    it('uploads, lists, renames, downloads and deletes', async () => {
      const file = makeFile('lftp', 5_000_000);
      const { stdout } = await lftp(
        `mkdir -p "l x/y"; put ${file} -o "l x/y/a b.part"; mv "l x/y/a b.part" "l x/y/a b"; cls -l "l x/y"; get "l x/y/a b" -o ${work}/lftp.down`,
      );
      expect(stdout).toContain('5000000');
      expect(await sha256(path.join(work, 'lftp.down'))).toBe(await sha256(file));
      expect(await stored('l x/y/a b')).toBe(await sha256(file));
      await lftp('mv "l x" "l z"; rm -r "l z"');
    });
  });

  describe.each(modes)('basic-ftp, $mode TLS $tls', (how) => {
    it('uploads, appends, lists, renames and downloads', async () => {
      const client = new Client(30_000);
      try {
        await client.access({
          host: 'localhost',
          port: portOf(how),
          user: 'demo',
          password: server.password,
          secure: how.mode === 'implicit' ? 'implicit' : true,
          secureOptions: { ca: readFileSync(server.certificate), minVersion: `TLSv${how.tls}`, maxVersion: `TLSv${how.tls}` },
        });
        const file = makeFile('basic', 2_000_000);
        await client.ensureDir('basic/ftp');
        await client.uploadFrom(file, 'file.bin');
        await client.appendFrom(file, 'file.bin');
        const [listed] = await client.list();
        expect(listed).toMatchObject({ name: 'file.bin', size: 4_000_000, isFile: true });
        await client.rename('file.bin', 'renamed.bin');
        await client.downloadTo(path.join(work, 'basic.down'), 'renamed.bin');
        const twice = Buffer.concat([readFileSync(file), readFileSync(file)]);
        expect(readFileSync(path.join(work, 'basic.down')).equals(twice)).toBe(true);
        await client.cd('/');
        await client.removeDir('basic');
      } finally {
        client.close();
      }
    });
  });

  describe.each(modes)('ftplib, $mode TLS $tls', (how) => {
    it.each([false, true])('does everything it can, with session reuse %s', async (reuse) => {
      const options = {
        port: portOf(how),
        implicit: how.mode === 'implicit',
        reuse,
        tls: how.tls,
        user: 'demo',
        password: server.password,
        ca: server.certificate,
      };
      const { stdout } = await run('python3', [path.join(__dirname, 'ftplib_client.py'), JSON.stringify(options)], { timeout: 120_000 });
      expect(stdout).toContain('all ok');
    });
  });

  describe.each(modes)('openssl s_client, $mode TLS $tls', (how) => {
    it('sees a banner, a verified certificate and a clean end', async () => {
      const script = path.join(work, 'dialogue');
      writeFileSync(script, 'USER demo\r\nQUIT\r\n');
      const flags = how.mode === 'explicit' ? '-starttls ftp' : '';
      const command = `timeout 20 openssl s_client -connect localhost:${portOf(how)} ${flags} -tls${how.tls.replace('.', '_')} -CAfile ${server.certificate} -quiet -ign_eof < ${script}`;
      const { stdout, stderr } = await run('bash', ['-c', command]);
      expect(stdout).toContain('331 Password required.');
      expect(stdout).toContain('221 Goodbye.');
      expect(stderr).not.toContain('verify error');
    });
  });

  it('one gibibyte arrives whole', async () => {
    const file = makeFile('gibibyte', 1_073_741_824);
    const credentials = ['--cacert', server.certificate, '--user', `demo:${server.password}`];
    await run('curl', ['-sS', '-m', '300', '--ssl-reqd', ...credentials, '-T', file, `ftp://localhost:${server.explicitPort}/gibibyte`]);
    expect(await stored('gibibyte')).toBe(await sha256(file));
  });

  it('the commands of the connection sheet work as they are printed', async () => {
    const curl = /^ {2}(curl .*)$/m.exec(server.sheet)?.[1] ?? '';
    const lftp = /^ {2}(lftp .*)$/m.exec(server.sheet)?.[1] ?? '';
    const file = makeFile('FILE', 1000);
    await run('bash', ['-c', `${curl} -sS -m 30`], { cwd: work });
    expect(await stored('FILE')).toBe(await sha256(file));
    await store.remove('demo/FILE');
    await run('bash', ['-c', `timeout 30 ${lftp}`], { cwd: work });
    expect(await stored('FILE')).toBe(await sha256(file));
  });

  it('a start writes log lines to standard error and nothing else, and none of them is an error', () => {
    const lines = atStart.split('\n').filter((line) => line !== '');
    expect(lines.filter((line) => !/^\{.*"level":"(?:debug|info|warn)"/.test(line))).toEqual([]);
    expect(lines.filter((line) => line.includes('"event":"server.ready"'))).toHaveLength(1);
  });
});
