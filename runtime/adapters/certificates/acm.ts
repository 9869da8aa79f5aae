import { createPrivateKey, randomBytes } from 'node:crypto';
import { ACMClient, ExportCertificateCommand } from '@aws-sdk/client-acm';
import type { Certificate } from '../../ports/certificate-source';
import { parsePair } from './certificate-pair';

/**
 * An exportable certificate of AWS Certificate Manager, which renews it. The service encrypts the key with a passphrase of our own, made for this one answer.
 *
 * https://docs.aws.amazon.com/acm/latest/APIReference/API_ExportCertificate.html
 */
export function exportFromAcm(arn: string, region: string | undefined, client = new ACMClient(region === undefined ? {} : { region })) {
  return async (): Promise<Certificate> => {
    const passphrase = randomBytes(24).toString('hex');
    const answer = await client.send(new ExportCertificateCommand({ CertificateArn: arn, Passphrase: Buffer.from(passphrase) }));
    const { Certificate: leaf, CertificateChain: chain = '', PrivateKey: encrypted } = answer;
    if (leaf === undefined || encrypted === undefined) throw new Error(`the certificate ${arn} came without certificate or key`);
    const key = createPrivateKey({ key: encrypted, format: 'pem', passphrase }).export({ type: 'pkcs8', format: 'pem' }).toString();
    return parsePair(`${leaf.trim()}\n${chain.trim()}\n`, key, {
      certificate: `the certificate ${arn}`,
      key: `the key of the certificate ${arn}`,
      mismatch: `the certificate ${arn} came with a key of another one`,
    });
  };
}
