import { readFile, stat } from 'node:fs/promises';
import type { Certificate, CertificateSource } from '../../ports/certificate-source';
import type { Clock, Timer } from '../../ports/clock';
import type { Log } from '../../ports/log';
import { parsePair } from './certificate-pair';

/**
 * The certificate from two PEM files. The files are looked at every few seconds; what cannot be used (half written, a
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

/** @throws When a file is not there or may not be read, is no PEM, or the key is not the certificate's. */
export async function readCertificate(files: CertificateFiles): Promise<Certificate> {
  const { certificate, key } = files;
  const [cert, secret] = await Promise.all([certificate, key].map(readPem));
  return parsePair(cert as string, secret as string, { certificate, key, mismatch: `${key} is not the key of ${certificate}` });
}

/** Told here, for only here it is known that a file was to be read: a start takes every refusal for a folder that it may not write. */
async function readPem(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    const why = code === 'ENOENT' ? 'it is not there' : code === 'EACCES' ? 'this user has no right to it' : message;
    throw new Error(`${file} cannot be read: ${why}`, { cause });
  }
}
