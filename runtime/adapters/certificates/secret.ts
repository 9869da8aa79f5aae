import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import type { Certificate } from '../../ports/certificate-source';
import { parsePair } from './certificate-pair';

/**
 * A certificate of the operator's own, kept as one secret: PEM text with the certificate, its chain and the key in any order, or JSON with `certificate`,
 * `chain` and `key`.
 */
export function readFromSecret(
  arn: string,
  region: string | undefined,
  client = new SecretsManagerClient(region === undefined ? {} : { region }),
) {
  return async (): Promise<Certificate> => {
    const { SecretString: text = '' } = await client.send(new GetSecretValueCommand({ SecretId: arn }));
    const { cert, key } = splitBundle(text);
    if (cert === '' || key === '') throw new Error(`the secret ${arn} holds no ${cert === '' ? 'certificate' : 'private key'} as PEM`);
    const it = `the secret ${arn}`;
    return parsePair(cert, key, { certificate: it, key: it, mismatch: `in the secret ${arn} the key is not the certificate's` });
  };
}

const block = /-----BEGIN ([A-Z0-9 ]+)-----[\s\S]+?-----END \1-----/g;

export function splitBundle(text: string): { readonly cert: string; readonly key: string } {
  const blocks = [...pemOf(text).matchAll(block)];
  const certificates = blocks.filter(([, label]) => label === 'CERTIFICATE');
  const key = blocks.find(([, label]) => label?.endsWith('PRIVATE KEY'));
  return { cert: certificates.map(([pem]) => `${pem}\n`).join(''), key: key ? `${key[0]}\n` : '' };
}

function pemOf(text: string): string {
  if (!text.trimStart().startsWith('{')) return text;
  const { certificate = '', chain = '', key = '' } = JSON.parse(text) as Record<string, string | undefined>;
  return [certificate, chain, key].join('\n');
}
