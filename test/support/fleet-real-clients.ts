import { execFile } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { Client } from 'basic-ftp';
import type { Fleet } from './fleet';

/** Clients that people have, each reduced to four things that it does with one file. Every command ends by itself. */
export interface RealClient {
  readonly name: string;
  /** It can be told the address that it comes from; another must be alone, so that the balancer knows its sessions. */
  readonly hasAddress: boolean;
  upload(job: Job): Promise<void>;
  download(job: Job): Promise<void>;
  list(job: Job): Promise<string>;
  /** Continues what lies at the name. */
  resume(job: Job): Promise<void>;
}

export interface Job {
  readonly fleet: Fleet;
  readonly implicit: boolean;
  readonly address: string;
  readonly name: string;
  /** Read or written. */
  readonly file: string;
}

const run = promisify(execFile);
const limits = { timeout: 90_000, maxBuffer: 16 * 1024 * 1024, killSignal: 'SIGKILL' } as const;
const portOf = ({ fleet, implicit }: Job) => (implicit ? fleet.implicitPort : fleet.explicitPort);

async function curl(job: Job, ...args: string[]): Promise<string> {
  const { fleet, implicit, address } = job;
  const url = `${implicit ? 'ftps' : 'ftp'}://localhost:${portOf(job)}/`;
  const trust = ['--ssl-reqd', '--cacert', fleet.certificate, '--user', `demo:${fleet.password}`, '--interface', address];
  const { stdout } = await run('curl', ['-sS', '-m', '60', ...trust, ...args.map((each) => each.replace('URL/', url))], limits);
  return stdout;
}

async function lftp(job: Job, commands: string): Promise<string> {
  const { fleet, implicit, address } = job;
  const trust = `set ssl:ca-file ${fleet.certificate}; set ftp:ssl-force true; set ftp:ssl-protect-data true`;
  const how = `set dns:order inet; set net:socket-bind-ipv4 ${address}; set net:timeout 60; set net:max-retries 1; set xfer:clobber on; set cmd:fail-exit true`;
  const url = `${implicit ? 'ftps' : 'ftp'}://localhost:${portOf(job)}`;
  const { stdout } = await run('lftp', ['-c', `${trust}; ${how}; open -u demo,${fleet.password} ${url}; ${commands}`], limits);
  return stdout;
}

async function ftplib(job: Job, verb: string): Promise<string> {
  const { fleet, implicit, address, name, file } = job;
  const options = { port: portOf(job), implicit, user: 'demo', password: fleet.password, ca: fleet.certificate, address };
  const script = path.join(__dirname, '..', 'clients', 'fleet_ftplib.py');
  const { stdout } = await run('python3', [script, JSON.stringify(options), verb, name, file], limits);
  return stdout;
}

async function basicFtp<T>(job: Job, use: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client(60_000);
  try {
    await client.access({
      host: 'localhost',
      port: portOf(job),
      user: 'demo',
      password: job.fleet.password,
      secure: job.implicit ? 'implicit' : true,
      secureOptions: { ca: readFileSync(job.fleet.certificate) },
    });
    return await use(client);
  } finally {
    client.close();
  }
}

export const realClients: readonly RealClient[] = [
  {
    name: 'curl',
    hasAddress: true,
    upload: async (job) => void (await curl(job, '-T', job.file, `URL/${job.name}`)),
    download: async (job) => void (await curl(job, '-o', job.file, `URL/${job.name}`)),
    list: (job) => curl(job, '--list-only', 'URL/'),
    resume: async (job) => void (await curl(job, '-C', '-', '-T', job.file, `URL/${job.name}`)),
  },
  {
    name: 'lftp',
    hasAddress: true,
    upload: async (job) => void (await lftp(job, `put ${job.file} -o ${job.name}`)),
    download: async (job) => void (await lftp(job, `get ${job.name} -o ${job.file}`)),
    list: (job) => lftp(job, 'cls -1'),
    resume: async (job) => void (await lftp(job, `put -c ${job.file} -o ${job.name}`)),
  },
  {
    name: 'ftplib',
    hasAddress: true,
    upload: async (job) => void (await ftplib(job, 'upload')),
    download: async (job) => void (await ftplib(job, 'download')),
    list: (job) => ftplib(job, 'list'),
    resume: async (job) => void (await ftplib(job, 'resume')),
  },
  {
    name: 'basic-ftp',
    hasAddress: false,
    upload: (job) => basicFtp(job, async (client) => void (await client.uploadFrom(job.file, job.name))),
    download: (job) => basicFtp(job, async (client) => void (await client.downloadTo(job.file, job.name))),
    list: (job) => basicFtp(job, async (client) => (await client.list()).map(({ name }) => name).join('\n')),
    resume: (job) =>
      basicFtp(job, async (client) => {
        const kept = await client.size(job.name);
        if (kept === 0 || kept >= statSync(job.file).size) throw new Error(`${kept} bytes are kept of ${job.file}`);
        await client.appendFrom(job.file, job.name, { localStart: kept });
      }),
  },
];
