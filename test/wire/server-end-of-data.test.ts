import { createServer, type Server, type Socket } from 'node:net';
import { systemClock } from '../../runtime/adapters/system-clock';
import { defaultSwitches } from '../../runtime/model/user';
import { DataConnection } from '../../runtime/server/data-connection';
import { receive, TransferLoad } from '../../runtime/server/data-receive';
import { probeWorks } from '../../runtime/server/end-of-data';
import { TlsIdentity } from '../../runtime/server/tls';
import { makeCertificate } from '../support/certificates';
import { recordsOf, tappedTls } from '../support/tapped-tls';
import { dial, eventually, type TlsVersion, tlsOptions, within } from '../support/wire-server';

/**
 * Every way in which an upload can end on the wire, and what is made of it: whole only with a close_notify. For both ways of telling, as the slower one is
 * only used where the other does not work and would otherwise never be seen.
 */

interface Case {
  readonly payload: Buffer;
  /** What the client would send: the data records, and the record that holds its close_notify. */
  readonly data: Buffer;
  readonly alert: Buffer;
  readonly raw: Socket;
  /** Resolves when the server has received the payload. */
  readonly arrived: () => Promise<void>;
}

interface Scenario {
  readonly name: string;
  readonly whole: boolean;
  readonly play: (one: Case) => Promise<void> | void;
}

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

async function bytewise(raw: Socket, bytes: Buffer): Promise<void> {
  for (const byte of bytes) {
    raw.write(Buffer.from([byte]));
    await turn();
  }
}

const scenarios: Scenario[] = [
  { name: 'close_notify glued to the data', whole: true, play: ({ raw, data, alert }) => void raw.write(Buffer.concat([data, alert])) },
  {
    name: 'close_notify on its own',
    whole: true,
    play: async ({ raw, data, alert, arrived }) => {
      raw.write(data);
      await arrived();
      raw.write(alert);
    },
  },
  {
    name: 'close_notify byte by byte',
    whole: true,
    play: async ({ raw, data, alert, arrived }) => {
      raw.write(data);
      await arrived();
      await bytewise(raw, alert);
    },
  },
  {
    name: 'close_notify in two halves, the first glued to the data',
    whole: true,
    play: async ({ raw, data, alert, arrived }) => {
      raw.write(Buffer.concat([data, alert.subarray(0, 7)]));
      await arrived();
      raw.write(alert.subarray(7));
    },
  },
  { name: 'close_notify and FIN with the data', whole: true, play: ({ raw, data, alert }) => void raw.end(Buffer.concat([data, alert])) },
  {
    name: 'close_notify and FIN on their own',
    whole: true,
    play: async ({ raw, data, alert, arrived }) => {
      raw.write(data);
      await arrived();
      raw.end(alert);
    },
  },
  { name: 'FIN with the last record', whole: false, play: ({ raw, data }) => void raw.end(data) },
  {
    name: 'FIN at a record boundary, later',
    whole: false,
    play: async ({ raw, data, arrived }) => {
      raw.write(data);
      await arrived();
      raw.end();
    },
  },
  {
    name: 'FIN in the middle of a record',
    whole: false,
    play: ({ raw, data, alert }) => void raw.end(data.length > 0 ? data.subarray(0, data.length - 5) : alert.subarray(0, 3)),
  },
  {
    name: 'FIN as far into a record as a close_notify is long',
    whole: false,
    play: ({ raw, data, alert }) => void raw.end(cutLast(data, alert)),
  },
  {
    name: 'FIN one byte short of the close_notify',
    whole: false,
    play: ({ raw, data, alert }) => void raw.end(Buffer.concat([data, alert.subarray(0, -1)])),
  },
  {
    name: 'reset with the data',
    whole: false,
    play: ({ raw, data }) => void raw.write(data, () => raw.resetAndDestroy()),
  },
  {
    name: 'reset after the data',
    whole: false,
    play: async ({ raw, data, arrived }) => {
      raw.write(data);
      await arrived();
      raw.resetAndDestroy();
    },
  },
];

/** All but the last record, and of that as many bytes as the alert has: who counts bytes is fooled. */
function cutLast(data: Buffer, alert: Buffer): Buffer {
  const records = recordsOf(data);
  const last = records.pop() ?? alert;
  return Buffer.concat([...records, last.subarray(0, Math.min(alert.length, last.length - 1))]);
}

const sizes = [0, 1, 16_384, 1_048_576];
const consumers = ['flowing', 'paused at each record'] as const;
const versions: TlsVersion[] = ['TLSv1.2', 'TLSv1.3'];
const ways = ['the probe', 'the record stream'] as const;

let identity: TlsIdentity;
let listener: Server;
let port: number;
let accepted: (raw: Socket) => void;

beforeAll(async () => {
  const certificate = await makeCertificate();
  identity = new TlsIdentity(() => certificate, { minVersion: 'TLSv1.2', maxVersion: 'TLSv1.3' });
  listener = createServer({ pauseOnConnect: true }, (raw) => accepted(raw));
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  port = (listener.address() as { port: number }).port;
});

afterAll(() => void listener.close());

/** One upload that ends as the scenario says. Gives the verdict and how much was delivered. */
async function upload(
  scenario: Scenario,
  version: TlsVersion,
  way: (typeof ways)[number],
  size: number,
  consumer: (typeof consumers)[number],
): Promise<{ verdict: string; intact: boolean }> {
  const came = new Promise<Socket>((resolve) => {
    accepted = resolve;
  });
  const raw = await dial(port);
  const connection = new DataConnection({
    raw: await came,
    address: '127.0.0.1',
    relayed: false,
    identity,
    clock: systemClock,
    probe: way === 'the probe',
    handshakeTimeout: 5_000,
    keepAlive: 60_000,
  });
  const { signal } = new AbortController();
  const handshake = connection.ready(true, signal);
  const { tls, hold, held, flushed } = await tappedTls(raw, tlsOptions(version));
  const socket = await handshake;
  const payload = Buffer.alloc(size, 'causeway ');
  hold();
  tls.end(payload);
  await flushed();
  const records = recordsOf(held());
  const alert = records.pop() as Buffer;
  let received = 0;
  let intact = true;
  const accept = (bytes: Buffer) => {
    intact &&= bytes.equals(payload.subarray(received, received + bytes.length));
    received += bytes.length;
    return consumer === 'flowing';
  };
  const verdict = receive(
    {
      connection,
      socket,
      switches: defaultSwitches,
      clock: systemClock,
      stallTimeout: 5_000,
      load: new TransferLoad(),
      signal,
      onBytes: () => undefined,
      onTruncated: () => undefined,
    },
    accept,
    turn,
  ).then(
    (end) => end,
    (error) => error.kind ?? String(error),
  );
  const arrived = () => eventually(() => received === size, 'the payload');
  await scenario.play({ payload, data: Buffer.concat(records), alert, raw, arrived });
  const result = await within(verdict, 'the verdict');
  if (result === 'verified') intact &&= received === size;
  raw.destroy();
  connection.raw.destroy();
  return { verdict: result, intact };
}

const rows = versions.flatMap((version) => ways.flatMap((way) => scenarios.map((scenario) => ({ version, way, ...scenario }))));

describe('the end of an upload', () => {
  it.each(rows)('is judged by $way in $version: $name', async ({ version, way, ...scenario }) => {
    const expected = { verdict: scenario.whole ? 'verified' : 'cut', intact: true };
    for (const size of sizes) {
      for (const consumer of consumers) {
        const outcome = await upload(scenario, version, way, size, consumer);
        expect({ size, consumer, ...outcome }).toEqual({ size, consumer, ...expected });
      }
    }
  });

  it('can be judged by the probe on this version of Node', async () => {
    expect(await probeWorks(await makeCertificate())).toBe(true);
  });

  it('is not trusted to the probe when the certificate cannot be used at all', async () => {
    const { key } = await makeCertificate();
    expect(await probeWorks({ ...(await makeCertificate()), key }).catch((error) => error.code)).not.toBe(true);
  });
});
