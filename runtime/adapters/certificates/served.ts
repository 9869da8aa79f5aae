import { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { connect } from 'node:tls';
import type { Certificate } from '../../ports/certificate-source';

/** The certificate that a server shows, for a sheet that describes one that runs elsewhere. Its key stays there. */
export function readServed(host: string, port: number): Promise<Omit<Certificate, 'key'>> {
  return new Promise((resolve, reject) => {
    // What is read is shown to somebody who compares it; nothing is sent.
    const socket = connect({ host, port, ...(isIP(host) === 0 && { servername: host }), rejectUnauthorized: false, timeout: patience });
    socket.once('timeout', () => socket.destroy(new Error(`${host} does not answer on port ${port}`)));
    socket.once('error', reject);
    socket.once('secureConnect', () => {
      const { raw } = socket.getPeerCertificate();
      socket.destroy();
      const parsed = new X509Certificate(raw);
      resolve({ cert: parsed.toString(), fingerprint: parsed.fingerprint256, notAfter: Date.parse(parsed.validTo) });
    });
  });
}

const patience = 10_000;
