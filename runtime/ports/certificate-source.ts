export interface Certificate {
  /** PEM: the certificate, then its chain. */
  readonly cert: string;
  readonly key: string;
  /** SHA-256 of the certificate, as `AA:BB:…`. */
  readonly fingerprint: string;
  /** Milliseconds since the epoch. */
  readonly notAfter: number;
}

/** The server's certificate now; a broken new one keeps the old one and says so in the log. */
export interface CertificateSource {
  current(): Certificate;
  /** Looks again at once (SIGHUP). */
  reload(): Promise<void>;
  close(): void;
}
