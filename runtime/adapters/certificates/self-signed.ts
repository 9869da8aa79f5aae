import { rename, rm, stat, writeFile } from 'node:fs/promises';
import { type CertificateFiles, readCertificate } from './file-certificates';

/** A certificate of our own making, for a first start and for trials. */

/**
 * Makes a self-signed EC certificate unless both files are there; true when it was made. It names this machine, however it is called, and the address it
 * is told to listen on: a client that checks the name would otherwise refuse it.
 */
export async function ensureSelfSigned(files: CertificateFiles, hostName: string, address?: string): Promise<boolean> {
  await finishHalfMade(files);
  const present = await Promise.all([exists(files.certificate), exists(files.key)]);
  if (present.every(Boolean)) return false;
  if (present.some(Boolean)) throw new Error(`of ${files.certificate} and ${files.key} only one is there: add the other, or remove both`);
  // Loaded here, because it takes long to load and is needed once.
  const { generate } = await import('selfsigned');
  const notAfterDate = new Date();
  notAfterDate.setFullYear(notAfterDate.getFullYear() + 10);
  const names = [...new Set(['localhost', hostName])].map((value) => ({ type: 2 as const, value }));
  const addresses = [...new Set(['127.0.0.1', '::1', ...(address ? [address] : [])])].map((ip) => ({ type: 7 as const, ip }));
  const made = await generate([{ name: 'commonName', value: hostName.length > longestCommonName ? 'localhost' : hostName }], {
    keyType: 'ec',
    algorithm: 'sha256',
    notAfterDate,
    extensions: [
      { name: 'basicConstraints', cA: false, critical: true },
      { name: 'keyUsage', digitalSignature: true, keyEncipherment: true, critical: true },
      { name: 'extKeyUsage', serverAuth: true },
      { name: 'subjectAltName', altNames: [...names, ...addresses] },
    ],
  });
  await writeSecret(half(files.key), made.private);
  await writeSecret(half(files.certificate), made.cert);
  await rename(half(files.key), files.key);
  await rename(half(files.certificate), files.certificate);
  return true;
}

/** RFC 5280 §A.1, ub-common-name. */
const longestCommonName = 64;

const half = (file: string) => `${file}.new`;

/** A server that was killed between the two renames left the key in place and the certificate beside it; no later start could repair that by making new ones. */
async function finishHalfMade(files: CertificateFiles): Promise<void> {
  if ((await exists(files.certificate)) || !(await exists(files.key)) || !(await exists(half(files.certificate)))) return;
  await readCertificate({ certificate: half(files.certificate), key: files.key });
  await rename(half(files.certificate), files.certificate);
}

function exists(file: string): Promise<boolean> {
  return stat(file).then(
    () => true,
    // What cannot be looked at cannot be used either; reading or writing it says why.
    () => false,
  );
}

/** Never readable by others, not even for a moment, and on the disk before it gets its name. */
async function writeSecret(file: string, content: string): Promise<void> {
  await rm(file, { force: true });
  await writeFile(file, content, { mode: 0o600, flush: true });
}
