import { createPrivateKey, X509Certificate } from 'node:crypto';
import { chmod, readFile, rename, stat, writeFile } from 'node:fs/promises';
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
    return new FileCertificates(files, clock, log, await load(files), await stampOf(files));
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
      this.loaded = await load(this.files);
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

async function load(files: CertificateFiles): Promise<Certificate> {
  const [cert, key] = await Promise.all([readFile(files.certificate, 'utf8'), readFile(files.key, 'utf8')]);
  const parsed = new X509Certificate(cert);
  if (!parsed.checkPrivateKey(createPrivateKey(key))) throw new Error(`${files.key} is not the key of ${files.certificate}`);
  return { cert, key, fingerprint: parsed.fingerprint256, notAfter: Date.parse(parsed.validTo) };
}

/** Makes a self-signed EC certificate for these names unless both files are there. True when it was made. */
export async function ensureSelfSigned(files: CertificateFiles, hostName: string): Promise<boolean> {
  const present = await Promise.all(
    [files.certificate, files.key].map((file) =>
      stat(file).then(
        () => true,
        () => false,
      ),
    ),
  );
  if (present.every(Boolean)) return false;
  if (present.some(Boolean)) throw new Error(`of ${files.certificate} and ${files.key} only one is there: add the other, or remove both`);
  // Loaded here, because it takes long to load and is needed once.
  const { generate } = await import('selfsigned');
  const years = 10;
  const notAfterDate = new Date();
  notAfterDate.setFullYear(notAfterDate.getFullYear() + years);
  const made = await generate([{ name: 'commonName', value: hostName }], {
    keyType: 'ec',
    algorithm: 'sha256',
    notAfterDate,
    extensions: [
      { name: 'basicConstraints', cA: false, critical: true },
      { name: 'keyUsage', digitalSignature: true, keyEncipherment: true, critical: true },
      { name: 'extKeyUsage', serverAuth: true },
      {
        name: 'subjectAltName',
        altNames: [
          { type: 2, value: 'localhost' },
          ...(hostName === 'localhost' ? [] : [{ type: 2 as const, value: hostName }]),
          { type: 7, ip: '127.0.0.1' },
          { type: 7, ip: '::1' },
        ],
      },
    ],
  });
  await writeSecret(files.key, made.private);
  await writeSecret(files.certificate, made.cert);
  return true;
}

/** Whole or not at all, and never readable by others, not even for a moment. */
async function writeSecret(file: string, content: string): Promise<void> {
  const half = `${file}.new`;
  await writeFile(half, content, { mode: 0o600 });
  await chmod(half, 0o600);
  await rename(half, file);
}
