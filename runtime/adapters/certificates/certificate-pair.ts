import { createPrivateKey, X509Certificate } from 'node:crypto';
// `isIP` only looks at text.
import { isIP } from 'node:net';
import type { Certificate } from '../../ports/certificate-source';

/** A certificate and its key as PEM, wherever they come from. */

/** @throws When one of them is no PEM, or `mismatch` when the key is not the certificate's. */
export function parsePair(cert: string, key: string, mismatch: string): Certificate {
  const parsed = new X509Certificate(cert);
  if (!parsed.checkPrivateKey(createPrivateKey(key))) throw new Error(mismatch);
  return { cert, key, fingerprint: parsed.fingerprint256, notAfter: Date.parse(parsed.validTo) };
}

/** Whom a certificate is made for. */
export function namesOf(cert: string): { readonly first: string | undefined; include(host: string): boolean } {
  const parsed = new X509Certificate(cert);
  return {
    first: /DNS:([^,*"]+)(?:,|$)/.exec(parsed.subjectAltName ?? '')?.[1],
    include: (host) => (isIP(host) === 0 ? parsed.checkHost(host) : parsed.checkIP(host)) !== undefined,
  };
}
