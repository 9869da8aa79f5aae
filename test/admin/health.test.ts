import { HealthEndpoint } from '../../runtime/admin/health';
import { FakeClock } from '../support/fake-clock';
import { probe, probeShapes } from '../support/fake-load-balancer-probe';
import { dial, eventually, Peer } from '../support/wire-server';

/** Health checks as load balancers and container hosts send them. */

let clock: FakeClock;
let health: HealthEndpoint;
let port: number;
let notReady: string | undefined;

beforeEach(async () => {
  clock = new FakeClock();
  notReady = undefined;
  health = new HealthEndpoint({ clock, notReady: () => notReady });
  port = await health.listen('127.0.0.1', 0);
});

afterEach(() => health.close());

async function connect(): Promise<Peer> {
  return new Peer(await dial(port));
}

describe('the health endpoint', () => {
  it.each(probeShapes)('says whether new connections are wanted: %s', async (shape) => {
    expect(await probe('127.0.0.1', port, shape, '/healthz')).toEqual({
      text: expect.stringMatching(/^HTTP\/1\.1 200 OK\r\n.*ready\n$/s),
      reset: false,
    });
    notReady = 'draining';
    expect(await probe('127.0.0.1', port, shape, '/healthz')).toEqual({
      text: expect.stringMatching(/^HTTP\/1\.1 503 .*draining\n$/s),
      reset: false,
    });
  });

  it('serves the clients of Node', async () => {
    const answer = await fetch(`http://127.0.0.1:${port}/healthz`);
    expect([answer.status, await answer.text()]).toEqual([200, 'ready\n']);
  });

  it.each([
    ['another path', 'GET /metrics HTTP/1.1\r\n\r\n', 404],
    ['a longer path', 'GET /healthzz HTTP/1.1\r\n\r\n', 404],
    ['a query', 'GET /healthz?from=here HTTP/1.0\r\n\r\n', 200],
    ['another method', 'POST /healthz HTTP/1.1\r\n\r\n', 400],
    ['junk', 'junk\r\n\r\n', 400],
    ['too much', `GET /healthz HTTP/1.1\r\n${'X: y\r\n'.repeat(2_000)}`, 400],
  ])('answers %s', async (_, request, status) => {
    const peer = await connect();
    peer.socket.write(request);
    expect(await peer.end()).toBe('end');
    expect(peer.text).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
  });

  it.each([
    ['/healthz', 200],
    ['/metrics', 404],
  ])('answers HEAD %s without a body', async (path, status) => {
    const peer = await connect();
    peer.socket.write(`HEAD ${path} HTTP/1.1\r\n\r\n`);
    expect(await peer.end()).toBe('end');
    expect(peer.text).toMatch(new RegExp(`^HTTP/1\\.1 ${status} .*\r\nContent-Length: \\d+\r\n.*\r\n\r\n$`, 's'));
  });

  it('answers a check though sixty-four connections say nothing: the oldest of them makes room', async () => {
    const silent: Peer[] = [];
    for (let count = 0; count < 64; count++) silent.push(await connect());
    await eventually(() => clock.pending === 64, 'the connections');
    const answer = await fetch(`http://127.0.0.1:${port}/healthz`);
    expect(answer.status).toBe(200);
    expect(await silent[0]?.end()).toBe('end');
    await eventually(() => clock.pending === 63, 'no more than that to be closed');
  });

  it('puts a request together from single bytes', async () => {
    const peer = await connect();
    const bytes = Buffer.concat([
      Buffer.from('0d0a0d0a000d0a515549540a2000000304000000', 'hex').subarray(0, 19),
      Buffer.from('GET /healthz HTTP/1.1\r\n\r\n'),
    ]);
    for (const byte of bytes) {
      peer.socket.write(Buffer.from([byte]));
      await new Promise((resolve) => setImmediate(resolve));
    }
    await peer.expect('200 OK');
  });

  it('waits five seconds for a request', async () => {
    const peer = await connect();
    peer.socket.write('GET /hea');
    await eventually(() => clock.pending === 1, 'the connection');
    await clock.advance(5_000);
    expect(await peer.end()).not.toBe('reset');
    expect(clock.pending).toBe(0);
  });

  it('closes what is open when it is closed', async () => {
    const peer = await connect();
    await eventually(() => clock.pending === 1, 'the connection');
    await health.close();
    await peer.end();
    expect(clock.pending).toBe(0);
  });
});
