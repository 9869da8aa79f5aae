import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
// `isIP` only looks at text.
import { isIP } from 'node:net';
import type { Certificate, CertificateSource } from '../ports/certificate-source';
import type { Clock, Timer } from '../ports/clock';
import type { Log } from '../ports/log';

/**
 * The certificate from two PEM files, made self-signed when neither is there. The files are looked at every few seconds; what cannot be used (half written, a
 * key of another certificate) leaves the old one in force and says so once.
 */
export interface CertificateFiles {
  readonly certificate: string;
  readonly key: string;
}

const lookEvery = 5_000;

export class FileCertificates implements CertificateSource {
  private timer: Timer | undefined;
  private refused = '';

  private constructor(
    private readonly files: CertificateFiles,
    private readonly clock: Clock,
    private readonly log: Log,
    private loaded: Certificate,
    private stamp: string,
  ) {
    this.arm();
  }

  /** @throws When the files are there and cannot be used: a server that starts has no older certificate to keep. */
  static async open(files: CertificateFiles, clock: Clock, log: Log): Promise<FileCertificates> {
    // Stamped before it is read: what changes in between is seen at the next look.
    const stamp = await stampOf(files);
    return new FileCertificates(files, clock, log, await readCertificate(files), stamp);
  }

  current(): Certificate {
    return this.loaded;
  }

  private arm(): void {
    this.timer = this.clock.timer(lookEvery, () => {
      void this.lookAgain().finally(() => {
        if (this.timer) this.arm();
      });
    });
  }

  private async lookAgain(): Promise<void> {
    const stamp = await stampOf(this.files);
    if (stamp !== this.stamp && stamp !== this.refused) await this.reload();
  }

  async reload(): Promise<void> {
    const stamp = await stampOf(this.files);
    try {
      this.loaded = await readCertificate(this.files);
      this.stamp = stamp;
      this.refused = '';
      const { fingerprint, notAfter } = this.loaded;
      this.log.info('certificate.loaded', { fingerprint, notAfter: new Date(notAfter).toISOString() });
    } catch (cause) {
      this.refused = stamp;
      this.log.error('certificate.refused', { text: 'the new certificate cannot be used; the old one stays in force', cause });
    }
  }

  close(): void {
    this.timer?.cancel();
    this.timer = undefined;
  }
}

async function stampOf(files: CertificateFiles): Promise<string> {
  const stamps = await Promise.all(
    [files.certificate, files.key].map((file) =>
      stat(file).then(
        ({ ino, mtimeMs, size }) => `${ino}:${mtimeMs}:${size}`,
        () => 'missing',
      ),
    ),
  );
  return stamps.join(' ');
}

/** @throws When a file is not there, is no PEM, or the key is not the certificate's. */
export async function readCertificate(files: CertificateFiles): Promise<Certificate> {
  const [cert, key] = await Promise.all([readFile(files.certificate, 'utf8'), readFile(files.key, 'utf8')]);
  const parsed = new X509Certificate(cert);
  if (!parsed.checkPrivateKey(createPrivateKey(key))) throw new Error(`${files.key} is not the key of ${files.certificate}`);
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
