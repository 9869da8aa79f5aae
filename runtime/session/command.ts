import type { Right } from '../model/user';
import type { Grammar } from '../protocol/arguments';
import type { Reply } from '../protocol/reply';
import type { Context } from './context';

/**
 * One row per verb, every column filled: `none` is a decision. From the rows come parsing, the gate, log masking, FEAT, HELP and `docs/protocol.md`; a verb
 * without a row is unknown, a verb refused on purpose has a row that refuses.
 */
export interface Row<T> {
  readonly argument: Grammar<T>;
  /** `any`: also before login. `password`: between USER and PASS. `ready`: logged in. */
  readonly phase: 'any' | 'password' | 'ready';
  /** `clear`: also before TLS. */
  readonly control: 'clear' | 'tls';
  /** What it does with a data connection. `send` and `receive` need a prepared one and its protection. */
  readonly data: 'none' | 'prepare' | 'send' | 'receive';
  /** The right without which it is refused wherever it points; the path is asked again below. */
  readonly needs: Right | readonly Right[] | 'none';
  readonly duringTransfer: 'at once' | 'queued';
  /** `word`: the first word only, for what follows may be a secret (`SITE PSWD`). */
  readonly log: 'argument' | 'masked' | 'word';
  /** Lines of FEAT, without the leading space. */
  readonly feature: string | 'none';
  readonly help: string;
  /** A reply when the command comes out of turn (RFC 959 §5.4: 503). */
  readonly sequence: ((context: Context) => Reply | undefined) | 'none';
  readonly run: (argument: T, context: Context) => Result | Promise<Result>;
}

/** What a handler returns. Only the session writes. */
export type Result =
  | Reply
  | { readonly transfer: Transfer }
  /** The reply goes out in clear, then TLS begins. */
  | { readonly startTls: Reply }
  /** The reply goes out inside TLS, then TLS ends. */
  | { readonly stopTls: Reply; readonly after: () => void }
  | { readonly close: Reply }
  | { readonly abort: true };

export interface Transfer {
  /** 150; it goes out at once. */
  readonly opening: Reply;
  /** For the log. */
  readonly direction: 'up' | 'down' | 'list';
  readonly path: string;
  /** Runs to the end and gives the final reply. Throws `Failure`s; the signal's reason is one. */
  readonly run: (signal: AbortSignal) => Promise<Reply>;
  /** An abort has no effect any more. */
  readonly committing: () => boolean;
  /** Payload bytes so far. */
  readonly bytes: () => number;
  /** Of an upload: when its last byte had come, by the monotonic clock; undefined before. */
  readonly lastByteAt?: () => number | undefined;
}

/** Keeps the argument's type between grammar and handler. */
export function row<T>(columns: Row<T>): Row<unknown> {
  return columns as unknown as Row<unknown>;
}
