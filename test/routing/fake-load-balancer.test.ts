import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { encodeProxyHeader } from '../../runtime/routing/encode-proxy-header';
import { type ParsedHeader, ProxyHeaderParser } from '../../runtime/routing/proxy-header';
import { FakeClock } from '../support/fake-clock';
import { FakeLoadBalancer, type LoadBalancerDescription } from '../support/fake-load-balancer';
import { dial, eventually, Peer, within } from '../support/wire-server';

/** The fake is only worth something if it is as unfriendly as what it stands for. */

const clock = new FakeClock();
const servers: Server[] = [];
let balancer: FakeLoadBalancer;

afterEach(async () => {
  await balancer.close();
  for (const server of servers.splice(0)) server.close();
});

/** A target that says something first, and keeps what it is sent. */
async function target(name: string, zone = 'a', greeting = '') {
  const accepted: { socket: Socket; peer: Peer }[] = [];
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    accepted.push({ socket, peer: new Peer(socket) });
    if (greeting !== '') socket.write(greeting);
  });
  servers.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  balancer.register({ name, zone, host: '127.0.0.1', ports: { data: port, control: port } });
  const first = async () => {
    await eventually(() => accepted.length > 0, 'a connection to the target');
    return accepted[0] as (typeof accepted)[0];
  };
  return { accepted, first };
}

async function start(changes: Partial<LoadBalancerDescription> = {}, late = 0): Promise<void> {
  balancer = new FakeLoadBalancer(
    {
      zones: [{ name: 'a', address: '127.0.0.1' }],
      listeners: [
        { port: 0, targetGroup: 'control' },
        { port: 0, targetGroup: 'data', attributes: { 'tcp.idle_timeout.seconds': '60' } },
      ],
      targetGroups: [
        { name: 'control', attributes: { 'preserve_client_ip.enabled': 'true' } },
        { name: 'data', attributes: { 'proxy_protocol_v2.enabled': 'true' } },
      ],
      ...changes,
    },
    { clock, lateDeregistration: late },
  );
  await balancer.start();
}

const dataPort = () => balancer.ports('data')[0] as number;
const controlPort = () => balancer.ports('control')[0] as number;

async function client(port: number, localAddress?: string): Promise<Peer> {
  return new Peer(await dial(port, localAddress));
}

describe('the fake load balancer', () => {
  it('names the client with its first bytes, not before, and loses what the server said till then', async () => {
    await start();
    const { first } = await target('one', 'a', 'greeting that nobody hears');
    const peer = await client(dataPort(), '127.0.0.5');
    const { socket, peer: server } = await first();
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect([peer.size, server.size]).toEqual([0, 0]);
    peer.socket.write('first');
    await server.expect('first');
    socket.write('now');
    await peer.expect('now');
  });

  it('sends a header of 84 bytes behind the fixed part, with the port that was dialled', async () => {
    await start();
    const { first } = await target('one');
    const peer = await client(dataPort(), '127.0.0.5');
    peer.socket.write('first');
    const { peer: server } = await first();
    await eventually(() => server.size === 16 + 84 + 5, 'header and payload');
    const parsed = new ProxyHeaderParser().push(Buffer.concat(server.received)) as Extract<ParsedHeader, { header: unknown }>;
    expect(parsed.header).toMatchObject({ source: { address: '127.0.0.5' }, destination: { address: '127.0.0.1', port: dataPort() } });
    expect(parsed.rest.toString()).toBe('first');
    expect(encodeProxyHeader(parsed.header)).toHaveLength(100);
  });

  it('keeps the address of the client on a group that says so, and lets the server speak first', async () => {
    await start();
    const { first } = await target('one', 'a', '220 ready');
    const peer = await client(controlPort(), '127.0.0.6');
    await peer.expect('220 ready');
    expect((await first()).socket.remoteAddress).toBe('127.0.0.6');
  });

  it('forgets an idle connection without a word, and resets who speaks on it', async () => {
    await start();
    const { first } = await target('one');
    const peer = await client(dataPort());
    peer.socket.write('hello');
    const { socket, peer: server } = await first();
    await server.expect('hello');
    await clock.advance(60_000);
    expect([peer.socket.destroyed, socket.destroyed]).toEqual([false, false]);
    peer.socket.write('still there?');
    expect(await peer.end()).toBe('reset');
    expect(socket.destroyed).toBe(false);
    socket.write('and you?');
    expect(await server.end()).toBe('reset');
  });

  it('sends new connections to a target for a while after it was taken away, and lets those that are there be', async () => {
    await start({}, 120_000);
    const old = await target('old');
    balancer.deregister('old');
    await clock.advance(119_000);
    const peer = await client(controlPort());
    peer.socket.write('x');
    const { peer: server } = await old.first();
    await clock.advance(1_000);
    const refused = connect({ host: '127.0.0.1', port: controlPort() });
    await within(once(refused, 'error'), 'the refusal');
    peer.socket.write('y');
    await server.expect('xy');
  });

  it('sends to healthy targets, and to all when none is', async () => {
    await start();
    await target('one');
    await target('two');
    balancer.setHealth('one', false);
    for (let count = 0; count < 5; count++) await client(controlPort());
    await eventually(() => balancer.choices.length === 5, 'the choices');
    expect(new Set(balancer.choices.map((choice) => choice.target))).toEqual(new Set(['two']));
    balancer.setHealth('two', false);
    for (let count = 0; count < 20; count++) await client(controlPort());
    await eventually(() => balancer.choices.length === 25, 'the choices');
    expect(new Set(balancer.choices.slice(5).map((choice) => choice.target))).toEqual(new Set(['one', 'two']));
  });

  it.each([
    ['false', ['in a']],
    ['true', ['in a', 'in b']],
  ])('has an address in each zone, on one port; across zones: %s', async (across, expected) => {
    await start({
      zones: [
        { name: 'a', address: '127.0.0.1' },
        { name: 'b', address: '127.0.0.2' },
      ],
      attributes: { 'load_balancing.cross_zone.enabled': across },
    });
    await target('in a', 'a');
    await target('in b', 'b');
    for (let count = 0; count < 20; count++) await client(controlPort());
    await eventually(() => balancer.choices.length === 20, 'the choices');
    expect([...new Set(balancer.choices.map((choice) => choice.target))].sort()).toEqual(expected);
    const other = connect({ host: '127.0.0.2', port: controlPort() });
    await within(once(other, 'connect'), 'the other zone');
    await eventually(() => balancer.choices.length === 21, 'the choice');
    if (across === 'false') expect(balancer.choices[20]?.target).toBe('in b');
    other.destroy();
  });

  it.each(['client', 'target'])('carries how a connection ends: reset by the %s', async (who) => {
    await start();
    const { first } = await target('one');
    const peer = await client(dataPort());
    peer.socket.write('hello');
    const { socket, peer: server } = await first();
    await server.expect('hello');
    ((who === 'client' ? peer.socket : socket) as Socket).resetAndDestroy();
    expect(await (who === 'client' ? server : peer).end()).toBe('reset');
    await eventually(() => balancer.open === 0, 'the end');
  });

  it('carries an end without a byte, and no header with it', async () => {
    await start();
    const { first } = await target('one');
    const peer = await client(dataPort());
    peer.socket.end();
    const { peer: server } = await first();
    expect(await server.end()).toBe('end');
    expect(server.size).toBe(0);
  });
});
