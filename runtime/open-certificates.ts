import { isIP } from 'node:net';
import path from 'node:path';
import { exportFromAcm } from './adapters/certificates/acm';
import { FetchedCertificates } from './adapters/certificates/fetched-certificates';
import { type CertificateFiles, FileCertificates } from './adapters/certificates/file-certificates';
import { readFromSecret } from './adapters/certificates/secret';
import { ensureSelfSigned } from './adapters/certificates/self-signed';
import type { Config } from './config/config';
import { explainFetch } from './operator/explain-start';
import { OperatorError } from './operator/operator-error';
import type { Certificate, CertificateSource } from './ports/certificate-source';
import type { Clock } from './ports/clock';
import type { Log } from './ports/log';

/** Where the certificate comes from, by the settings: files, our own making, ACM, Secrets Manager. */

export const everywhere: readonly string[] = ['0.0.0.0', '::', '127.0.0.1', '::1', 'localhost'];

export function certificateFiles({ data, certificate }: Pick<Config, 'data' | 'certificate'>): CertificateFiles {
  if (certificate.kind === 'files') return certificate;
  return { certificate: path.join(data, 'certificate.pem'), key: path.join(data, 'key.pem') };
}

/** How a certificate that is kept elsewhere is fetched; undefined: it lies in files. */
export function fetchOf({ certificate, region }: Config): (() => Promise<Certificate>) | undefined {
  if (certificate.kind === 'acm') return explained('CAUSEWAY_CERTIFICATE_ARN', exportFromAcm(certificate.arn, region));
  return certificate.kind === 'secret' ? explained('CAUSEWAY_CERTIFICATE_SECRET', readFromSecret(certificate.arn, region)) : undefined;
}

function explained(setting: string, fetch: () => Promise<Certificate>): () => Promise<Certificate> {
  return () =>
    fetch().catch((cause: Error) => {
      throw new OperatorError(explainFetch(setting, cause), 'failed', { cause });
    });
}

export async function openCertificates(config: Config, hostName: string, clock: Clock, log: Log): Promise<CertificateSource> {
  const fetch = fetchOf(config);
  if (fetch) return FetchedCertificates.open({ fetch, clock, log });
  const files = certificateFiles(config);
  const address = everywhere.includes(config.host) || isIP(config.host) === 0 ? undefined : config.host;
  if (config.certificate.kind === 'self-signed') await ensureSelfSigned(files, hostName, address);
  return FileCertificates.open(files, clock, log);
}
