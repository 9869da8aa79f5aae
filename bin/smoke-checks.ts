import { createHash, randomBytes } from 'node:crypto';
import { isIPv4 } from 'node:net';
import { Readable, Writable } from 'node:stream';
import { Client } from 'basic-ftp';

/**
 * What a partner's client can find out about a deployed server. Each check throws a sentence that says what is wrong; none needs anything but the network
 * between the client and the server.
 */
export interface Target {
  /** For the certificate, whatever address is dialled. */
  readonly host: string;
  readonly explicitPort: number;
  readonly implicitPort: number;
  readonly passivePorts: readonly number[];
  readonly user: string;
  readonly password: string;
  /** PEM; or nothing is verified, for a trial whose tasks make their own certificates. */
  readonly trust: { readonly ca?: string } | 'anything';
}

export type Mode = 'explicit' | 'implicit';

const waitMs = 60_000;
/** Ports are drawn at random: with twenty draws a port the chance to miss one of 48 is one in ten million. */
const drawsPerPort = 20;

export async function withClient<T>(
  target: Target,
  mode: Mode,
  address: string,
  use: (client: Client, takeDialogue: () => string) => Promise<T>,
): Promise<T> {
  const client = new Client(waitMs);
  let dialogue = '';
  client.ftp.log = (line) => {
    dialogue = (dialogue + line).slice(-10_000);
  };
  const secureOptions = {
    ...(isIPv4(target.host) ? {} : { servername: target.host }),
    ...(target.trust === 'anything'
      ? { rejectUnauthorized: false }
      : { ...(target.trust.ca ? { ca: target.trust.ca } : {}), host: target.host }),
  };
  try {
    await client.access({
      host: address,
      port: mode === 'explicit' ? target.explicitPort : target.implicitPort,
      user: target.user,
      password: target.password,
      secure: mode === 'explicit' ? true : 'implicit',
      secureOptions,
    });
    return await use(client, () => {
      const taken = dialogue;
      dialogue = '';
      return taken;
    });
  } finally {
    client.close();
  }
}

/** The address of a zone is the one that PASV names there: clients refuse another. */
export async function checkNamedAddress(target: Target, mode: Mode, address: string): Promise<void> {
  await withClient(target, mode, address, async (client) => {
    const { message } = await client.send('PASV');
    const named = /\((\d+),(\d+),(\d+),(\d+),/.exec(message)?.slice(1, 5).join('.');
    if (named !== address) throw new Error(`${address} was dialled, but PASV names ${named ?? message}`);
  });
}

/** Up and down again, byte for byte, and gone afterwards. */
export async function checkRoundTrip(target: Target, mode: Mode, address: string, bytes: number): Promise<void> {
  const name = `smoke-${randomBytes(6).toString('hex')}.bin`;
  await withClient(target, mode, address, async (client) => {
    const content = randomBytes(Math.min(bytes, 1024 * 1024));
    const sent = createHash('sha256');
    await client.uploadFrom(Readable.from(repeat(content, bytes, sent)), name);
    const received = createHash('sha256');
    await client.downloadTo(sinkOf(received), name);
    await client.remove(name);
    if (sent.digest('hex') !== received.digest('hex')) throw new Error(`${bytes} bytes came back as others`);
  });
}

/**
 * An upload through each passive port. That it arrives at all shows that the task was told the port that was dialled: the reservation is found by it.
 */
export async function checkEveryPassivePort(target: Target, address: string): Promise<void> {
  const missing = new Set(target.passivePorts);
  const most = target.passivePorts.length * drawsPerPort;
  await withClient(target, 'explicit', address, async (client, takeDialogue) => {
    const name = `smoke-${randomBytes(6).toString('hex')}.bin`;
    for (let draws = 0; missing.size > 0; draws++) {
      if (draws === most) throw new Error(`after ${most} uploads no data connection went to ${[...missing].join(', ')}`);
      takeDialogue();
      await client.uploadFrom(Readable.from([randomBytes(64)]), name);
      const port = portIn(takeDialogue());
      if (!target.passivePorts.includes(port))
        throw new Error(`a data connection went to port ${port}, which is none of the passive ports`);
      missing.delete(port);
    }
    await client.remove(name);
  });
}

/** A slow upload that lives through whatever happens meanwhile; the rest of it is sent at once when that is over. */
export async function checkSlowUpload(target: Target, address: string, meanwhile: Promise<void>): Promise<void> {
  const name = `smoke-${randomBytes(6).toString('hex')}.bin`;
  await withClient(target, 'explicit', address, async (client) => {
    const sent = createHash('sha256');
    await Promise.all([client.uploadFrom(Readable.from(trickle(meanwhile, sent)), name), meanwhile]);
    const received = createHash('sha256');
    // The session may have been told to come back, so the file is read in a new one.
    await withClient(target, 'explicit', address, async (second) => {
      await second.downloadTo(sinkOf(received), name);
      await second.remove(name);
    });
    if (sent.digest('hex') !== received.digest('hex')) throw new Error('the slow upload came back as other bytes');
  });
}

function portIn(dialogue: string): number {
  const extended = [...dialogue.matchAll(/\(\|\|\|(\d+)\|\)/g)].pop();
  if (extended) return Number(extended[1]);
  const passive = [...dialogue.matchAll(/\(\d+,\d+,\d+,\d+,(\d+),(\d+)\)/g)].pop();
  return passive ? Number(passive[1]) * 256 + Number(passive[2]) : Number.NaN;
}

function* repeat(content: Buffer, bytes: number, hash: ReturnType<typeof createHash>): Generator<Buffer> {
  for (let left = bytes; left > 0; left -= content.length) {
    const chunk = content.subarray(0, Math.min(left, content.length));
    hash.update(chunk);
    yield chunk;
  }
}

async function* trickle(until: Promise<void>, hash: ReturnType<typeof createHash>): AsyncGenerator<Buffer> {
  let over = false;
  const ended = until.finally(() => {
    over = true;
  });
  while (!over) {
    const chunk = randomBytes(64 * 1024);
    hash.update(chunk);
    yield chunk;
    // What ends it badly is thrown by whoever waits for `meanwhile`.
    await Promise.race([ended.catch(() => undefined), new Promise((resolve) => setTimeout(resolve, 1_000).unref())]);
  }
}

function sinkOf(hash: ReturnType<typeof createHash>): Writable {
  return new Writable({
    write(chunk: Buffer, _encoding, done) {
      hash.update(chunk);
      done();
    },
  });
}
