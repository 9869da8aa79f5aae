import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { takeBytes } from '../../runtime/server/read-buffer';
import { makeCertificate } from '../support/certificates';
import { dial, eventually, secure, tlsOptions, within } from '../support/wire-server';

/** The bytes of accepted connections, through a buffer and as events. */
const kinds = ['clear', 'TLS'] as const;
const payload = Buffer.from(Array.from({ length: 200_000 }, (_, index) => index % 251));

let listener: Server;

beforeEach(async () => {
  listener = createServer({ pauseOnConnect: true });
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
});

afterEach(() => void listener.close());

async function connect(kind: (typeof kinds)[number]): Promise<{ server: Socket; client: Socket }> {
  const accepted = once(listener, 'connection');
  const raw = await dial((listener.address() as AddressInfo).port);
  const [socket] = (await accepted) as [Socket];
  if (kind === 'clear') return { server: socket, client: raw };
  const { cert, key } = await makeCertificate();
  const server = new TLSSocket(socket, { isServer: true, cert, key });
  return { server, client: await secure(raw, tlsOptions('TLSv1.3')) };
}

function taker() {
  const blocks = new Set<ArrayBufferLike>();
  let bytes: Buffer = Buffer.alloc(0);
  return {
    blocks,
    get bytes() {
      return bytes;
    },
    take: (piece: Buffer) => {
      blocks.add(piece.buffer);
      bytes = Buffer.concat([bytes, piece]);
      return true;
    },
  };
}

describe.each(kinds)('the bytes of a %s connection', (kind) => {
  it.each([
    ['through one buffer', true],
    ['as events', false],
  ])('come %s, all of them and in their order, and then the end', async (_, mayBuffer) => {
    const { server, client } = await connect(kind);
    const all = taker();
    takeBytes(server, mayBuffer, all.take).goOn();
    client.end(payload);
    await within(once(server, 'end'), 'the end');
    expect(all.bytes.equals(payload)).toBe(true);
    expect(all.blocks.size === 1).toBe(mayBuffer);
    server.destroy();
  });

  it('are given from the first, whenever it is asked for them', async () => {
    const { server, client } = await connect(kind);
    client.write(payload.subarray(0, 1_000));
    server.read(0);
    await eventually(() => server.readableLength === 1_000, 'the first bytes');
    const all = taker();
    const reading = takeBytes(server, true, all.take);
    expect(all.bytes).toHaveLength(1_000);
    reading.goOn();
    client.end(payload.subarray(1_000));
    await within(once(server, 'end'), 'the end');
    expect(all.bytes.equals(payload)).toBe(true);
    server.destroy();
  });

  it('go to another from when it is set', async () => {
    const { server, client } = await connect(kind);
    const [first, second] = [taker(), taker()];
    takeBytes(server, true, first.take).goOn();
    client.write('first');
    await eventually(() => first.bytes.length === 5, 'the first bytes');
    takeBytes(server, true, second.take);
    client.end('second');
    await within(once(server, 'end'), 'the end');
    expect([first, second].map(({ bytes }) => bytes.toString())).toEqual(['first', 'second']);
    server.destroy();
  });

  it.each([
    ['through the buffer', true],
    ['as events', false],
  ])('stop %s when they are wanted no more, but for what had been read before, and go on when they are', async (_, mayBuffer) => {
    const { server, client } = await connect(kind);
    const all = taker();
    const big = Buffer.alloc(2 * 1024 * 1024, 'causeway ');
    let wanted = false;
    const reading = takeBytes(server, mayBuffer, (bytes) => all.take(bytes) && wanted);
    reading.goOn();
    client.end(big);
    await eventually(() => all.bytes.length > 0, 'the first bytes');
    for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
    expect(all.bytes.length).toBeLessThanOrEqual(64 * 1024);
    wanted = true;
    reading.goOn();
    await within(once(server, 'end'), 'the end');
    expect(all.bytes.equals(big)).toBe(true);
    server.destroy();
  });
});
