/** One JSON line an event. Names are one union, so that a dashboard can rely on them and a typo does not compile. */
export type EventName =
  | 'server.start'
  | 'server.ready'
  | 'server.drain'
  | 'server.stop'
  | 'server.warning'
  | 'server.fatal'
  | 'server.metrics'
  | 'certificate.loaded'
  | 'certificate.refused'
  | 'session.open'
  | 'session.close'
  | 'session.refused'
  | 'session.error'
  | 'login.ok'
  | 'login.failed'
  | 'login.locked'
  | 'tls.failed'
  | 'command'
  | 'transfer.start'
  | 'transfer.end'
  | 'data.refused'
  | 'data.unverified-end'
  | 'upload.parked'
  | 'upload.resumed'
  | 'upload.dropped'
  | 'upload.committed'
  | 'file.adopted'
  | 'file.vanished'
  | 'file.ignored'
  | 'sweep.repaired'
  | 'store.error'
  | 'partner.changed';

export interface LogFields {
  readonly session?: string;
  readonly partner?: string;
  readonly peer?: string;
  readonly verb?: string;
  readonly path?: string;
  readonly code?: number;
  readonly bytes?: number;
  readonly ms?: number;
  /** Of an upload: how much of it came after the last byte. */
  readonly receiptMs?: number;
  /** Sentence for people. */
  readonly text?: string;
  /** The error behind it; message, stack and chain of causes are written. */
  readonly cause?: unknown;
  readonly [field: string]: unknown;
}

export interface Log {
  debug(event: EventName, fields?: LogFields): void;
  info(event: EventName, fields?: LogFields): void;
  warn(event: EventName, fields?: LogFields): void;
  error(event: EventName, fields?: LogFields): void;
  /** The same log with fields of its own on every line. */
  with(fields: LogFields): Log;
}
