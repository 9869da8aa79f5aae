import type { Certificate, CertificateSource } from '../../ports/certificate-source';
import type { Clock, Timer } from '../../ports/clock';
import type { Log } from '../../ports/log';

/**
 * A certificate that is kept elsewhere and renewed there: fetched at start, and again every day. A fetch that fails, or a certificate that cannot be used,
 * leaves the old one in force and says so; the next try comes sooner.
 */
export interface FetchedOptions {
  /** @throws What the operator must know. */
  readonly fetch: () => Promise<Certificate>;
  readonly clock: Clock;
  readonly log: Log;
}

const lookEvery = 24 * 3_600_000;
const tryAgainAfter = 300_000;

export class FetchedCertificates implements CertificateSource {
  private timer: Timer | undefined;

  private constructor(
    private readonly options: FetchedOptions,
    private loaded: Certificate,
  ) {
    this.arm(lookEvery);
  }

  /** @throws When there is none: a server that starts has no older certificate to keep. */
  static async open(options: FetchedOptions): Promise<FetchedCertificates> {
    return new FetchedCertificates(options, await options.fetch());
  }

  current(): Certificate {
    return this.loaded;
  }

  async reload(): Promise<void> {
    await this.lookAgain();
  }

  private arm(pause: number): void {
    this.timer = this.options.clock.timer(pause, () => {
      void this.lookAgain().then((done) => {
        if (this.timer) this.arm(done ? lookEvery : tryAgainAfter);
      });
    });
  }

  private async lookAgain(): Promise<boolean> {
    const { fetch, log } = this.options;
    try {
      const { fingerprint } = this.loaded;
      this.loaded = await fetch();
      if (this.loaded.fingerprint !== fingerprint) {
        log.info('certificate.loaded', { fingerprint: this.loaded.fingerprint, notAfter: new Date(this.loaded.notAfter).toISOString() });
      }
      return true;
    } catch (cause) {
      log.error('certificate.refused', { text: 'no new certificate could be fetched; the old one stays in force', cause });
      return false;
    }
  }

  close(): void {
    this.timer?.cancel();
    this.timer = undefined;
  }
}
