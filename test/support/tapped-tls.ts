import { once } from 'node:events';
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import { within } from './wire-server';

/**
 * A TLS client whose encrypted bytes go through our hands: they can be held back, cut, glued to clear text, and the socket can be had back when TLS is over.
 * What badly written clients, networks and attackers do to a stream is done with it.
 */
export interface TappedTls {
  readonly tls: TLSSocket;
  /** From now on nothing is sent; `held` has it. */
  hold(): void;
  held(): Buffer;
  /** All that this client will ever write has left OpenSSL. */
  flushed(): Promise<void>;
  /** The socket without TLS, paused. */
  detach(): Socket;
}

export async function tappedTls(raw: Socket, options: ConnectionOptions): Promise<TappedTls> {
  let holding = false;
  const kept: Buffer[] = [];
  const tap = new Duplex({
    read() {
      // Pushed as it comes.
    },
    write(chunk: Buffer, _encoding, done) {
      if (holding) kept.push(chunk);
      else raw.write(chunk);
      done();
    },
  });
  const finished = once(tap, 'finish');
  const onData = (bytes: Buffer) => void tap.push(bytes);
  const onEnd = () => void tap.push(null);
  raw.on('data', onData);
  raw.on('end', onEnd);
  raw.on('error', ignore);
  raw.resume();
  const tls = connect({ socket: tap, ...options });
  tls.on('error', ignore);
  await within(once(tls, 'secureConnect'), 'the handshake');
  // The client's last handshake message leaves in this turn.
  await new Promise((resolve) => setImmediate(resolve));
  return {
    tls,
    hold: () => {
      holding = true;
    },
    held: () => Buffer.concat(kept),
    flushed: async () => {
      await within(finished, 'the end of the client');
    },
    detach: () => {
      raw.off('data', onData);
      raw.off('end', onEnd);
      raw.pause();
      return raw;
    },
  };
}

function ignore(): void {
  // How this end of the connection fares is not what is looked at.
}

/** The TLS records of a stream, whole ones. */
export function recordsOf(bytes: Buffer): Buffer[] {
  const records: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = 5 + bytes.readUInt16BE(at + 3);
    records.push(bytes.subarray(at, at + length));
    at += length;
  }
  return records;
}
