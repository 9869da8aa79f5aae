import { createPrivateKey, X509Certificate } from 'node:crypto';
// `isIP` only looks at text.
import { isIP } from 'node:net';
import { createSecureContext } from 'node:tls';
import type { Certificate } from '../../ports/certificate-source';

/** A certificate and its key as PEM, wherever they come from. */

/** How the two are called where they come from, for whoever has to mend them. */
export interface PairNames {
  readonly certificate: string;
  readonly key: string;
  /** What is said when the key is not the certificate's. */
  readonly mismatch: string;
}

/** @throws What is wrong with them: OpenSSL's own words name neither the file nor what it misses there. */
export function parsePair(cert: string, key: string, names: PairNames): Certificate {
  const parsed = orSay(`${names.certificate} holds no certificate as PEM`, () => new X509Certificate(cert));
  const privateKey = orSay(`${names.key} holds no private key as PEM without a passphrase`, () => createPrivateKey(key));
  if (!parsed.checkPrivateKey(privateKey)) throw new Error(names.mismatch);
  // As each connection will do it: of a chain, half of which has been written, the first certificate alone looks well.
  orSay(`${names.certificate} cannot be used for TLS, with its chain or its key`, () => createSecureContext({ cert, key }));
  return { cert, key, fingerprint: parsed.fingerprint256, notAfter: Date.parse(parsed.validTo) };
}

function orSay<T>(what: string, parse: () => T): T {
  try {
    return parse();
  } catch (cause) {
    throw new Error(`${what} (${(cause as Error).message.replace(/^error:[0-9A-F]+:/, '')})`, { cause });
  }
}

/** Whom a certificate is made for. */
export function namesOf(cert: string): { readonly first: string | undefined; include(host: string): boolean } {
  const parsed = new X509Certificate(cert);
  return {
    first: /DNS:([^,*"]+)(?:,|$)/.exec(parsed.subjectAltName ?? '')?.[1],
    include: (host) => (isIP(host) === 0 ? parsed.checkHost(host) : parsed.checkIP(host)) !== undefined,
  };
}
