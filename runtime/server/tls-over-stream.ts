import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';

/**
 * TLS records one at a time. OpenSSL is handed exactly one record (5 bytes of header, length, body) and nothing is read ahead, so what a client sends in
 * clear right behind its close_notify stays here instead of vanishing inside a TLSSocket. That is what makes REIN (RFC 4217 §13) and CCC (§5) possible:
 * taking TLS off a socket that OpenSSL reads by itself does not work in Node.
 *
 * It is also the fallback for data connections where the probe of `end-of-data.ts` does not work: `push(null)` on the raw end comes strictly after
 * everything that OpenSSL was given.
 */
export interface RecordStream {
  readonly stream: Duplex;
  /** From now on a byte that cannot begin a TLS record is the client talking in clear: it is kept, and the end of TLS does not end the socket. */
  release(): void;
  /** The bytes that belong to nobody's TLS; the socket is its former owner's again, paused. */
  takeBack(): Buffer;
  /** Called when, after `release`, the client went on in clear without a close_notify. */
  onClear: (() => void) | undefined;
}

const headerLength = 5;
/** RFC 5246 §6.2.3: 2^14 bytes and 2,048 of overhead; TLS 1.3 allows less. What announces more is for OpenSSL to refuse, not for us to wait for. */
const mostInRecord = 16_384 + 2_048;
const mostBuffered = 64 * 1024;

export function recordStream(raw: Socket): RecordStream {
  let buffered: Buffer = Buffer.alloc(0);
  let wanted = false;
  let ended = false;
  let released = false;
  let detached = false;

  const pump = (): void => {
    if (!wanted || detached) return;
    const record = nextRecord(buffered);
    if (record === 'clear') {
      if (released) {
        result.onClear?.();
        return;
      }
      // Not TLS in the middle of TLS: OpenSSL says so, and the connection is over.
      handOver(buffered.length);
    } else if (record > 0) {
      handOver(record);
    } else if (ended) {
      wanted = false;
      // Half a record at the end is for OpenSSL to judge.
      if (buffered.length > 0) stream.push(buffered);
      buffered = Buffer.alloc(0);
      stream.push(null);
    }
  };

  const handOver = (length: number): void => {
    const record = buffered.subarray(0, length);
    buffered = buffered.subarray(length);
    wanted = false;
    if (!ended && buffered.length < mostBuffered && raw.isPaused()) raw.resume();
    stream.push(record);
  };

  const onData = (bytes: Buffer): void => {
    buffered = buffered.length === 0 ? bytes : Buffer.concat([buffered, bytes]);
    if (buffered.length >= mostBuffered) raw.pause();
    pump();
  };
  const onEnd = (): void => {
    ended = true;
    pump();
  };
  // A client that sends everything and closes is gone before a slow reader has taken it all: what is here is still handed over.
  const onClose = (): void => {
    if (!ended || stream.readableEnded) stream.destroy();
  };
  const onError = (error: Error): void => {
    stream.destroy(error);
  };

  const stream = new Duplex({
    // One record in the stream's own buffer at most.
    readableHighWaterMark: 1,
    read() {
      wanted = true;
      pump();
    },
    write(chunk: Buffer, _encoding, done) {
      raw.write(chunk, done);
    },
    writev(chunks, done) {
      raw.cork();
      for (const { chunk } of chunks.slice(0, -1)) raw.write(chunk);
      raw.write(chunks.at(-1)?.chunk, done);
      raw.uncork();
    },
    final(done) {
      if (released) done();
      else raw.end(done);
    },
    destroy(error, done) {
      if (!released && !detached) raw.destroy();
      done(error);
    },
  });

  raw.on('data', onData);
  raw.on('end', onEnd);
  raw.on('close', onClose);
  raw.on('error', onError);
  raw.resume();

  const result: RecordStream = {
    stream,
    onClear: undefined,
    release: () => {
      released = true;
    },
    takeBack: () => {
      detached = true;
      raw.off('data', onData);
      raw.off('end', onEnd);
      raw.off('close', onClose);
      raw.off('error', onError);
      raw.pause();
      const rest = buffered;
      buffered = Buffer.alloc(0);
      return rest;
    },
  };
  return result;
}

/** Length of the first whole record, 0 when more bytes are needed, `clear` when these bytes begin no record (RFC 8446 §5.1). */
function nextRecord(bytes: Buffer): number | 'clear' {
  if (bytes.length === 0) return 0;
  const type = bytes[0] as number;
  if (type < 20 || type > 24) return 'clear';
  if (bytes.length < headerLength) return 0;
  const inside = bytes.readUInt16BE(3);
  if (inside > mostInRecord) return bytes.length;
  const length = headerLength + inside;
  return bytes.length >= length ? length : 0;
}
