import { X509Certificate } from 'node:crypto';
import { generate } from 'selfsigned';
import type { Certificate, CertificateSource } from '../../runtime/ports/certificate-source';

/** Certificates made for the test that asks: an elliptic key takes milliseconds, and nothing secret lies in the repository. */
export async function makeCertificate(name = 'localhost'): Promise<Certificate> {
  const { cert, private: key } = await generate([{ name: 'commonName', value: name }], {
    keyType: 'ec',
    curve: 'P-256',
    algorithm: 'sha256',
  });
  const { fingerprint256, validTo } = new X509Certificate(cert);
  return { cert, key, fingerprint: fingerprint256, notAfter: Date.parse(validTo) };
}

/** A source whose certificate the test may replace. */
export class TestCertificates implements CertificateSource {
  constructor(private certificate: Certificate) {}

  current(): Certificate {
    return this.certificate;
  }

  replace(certificate: Certificate): void {
    this.certificate = certificate;
  }

  async reload(): Promise<void> {
    // What `replace` set is in force already.
  }

  close(): void {
    // Holds nothing.
  }
}
