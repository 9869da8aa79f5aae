import { createPrivateKey, X509Certificate } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { generate } from 'selfsigned';
import { namesOf } from '../../runtime/adapters/certificates/certificate-pair';
import { type CertificateFiles, FileCertificates, readCertificate } from '../../runtime/adapters/certificates/file-certificates';
import { ensureSelfSigned } from '../../runtime/adapters/certificates/self-signed';
import type { EventName, Log } from '../../runtime/ports/log';
import { makeCertificate } from '../support/certificates';
import { FakeClock, settle } from '../support/fake-clock';

let folder: string;
let files: CertificateFiles;

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'causeway-certificates-'));
  files = { certificate: path.join(folder, 'certificate.pem'), key: path.join(folder, 'key.pem') };
});

afterEach(() => rmSync(folder, { recursive: true }));

describe('a self-signed certificate', () => {
  it('is elliptic, and made for every name of this machine', async () => {
    expect(await ensureSelfSigned(files, 'bridge.example')).toBe(true);
    const certificate = new X509Certificate(readFileSync(files.certificate));
    expect(certificate.publicKey.asymmetricKeyType).toBe('ec');
    expect(certificate.ca).toBe(false);
    for (const name of ['localhost', 'bridge.example']) expect(certificate.checkHost(name)).toBe(name);
    for (const address of ['127.0.0.1', '::1']) expect(certificate.checkIP(address)).toBeDefined();
    expect(Date.parse(certificate.validTo) - Date.now()).toBeGreaterThan(9 * 365 * 86_400_000);
  });

  it('names the address that the server is told to listen on', async () => {
    await ensureSelfSigned(files, 'localhost', '192.0.2.5');
    const names = namesOf(readFileSync(files.certificate, 'utf8'));
    expect(['localhost', '127.0.0.1', '192.0.2.5', '192.0.2.6', 'other.example'].map((host) => names.include(host))).toEqual([
      true,
      true,
      true,
      false,
      false,
    ]);
  });

  it('can be made on a machine with a very long name', async () => {
    const name = `${'a'.repeat(60)}.${'b'.repeat(60)}.example`;
    await ensureSelfSigned(files, name);
    expect(namesOf((await readCertificate(files)).cert).include(name)).toBe(true);
  });

  it('is kept, with its key, for nobody else to read', async () => {
    await ensureSelfSigned(files, 'bridge.example');
    const before = await readCertificate(files);
    expect(await ensureSelfSigned(files, 'other.example')).toBe(false);
    expect(await readCertificate(files)).toEqual(before);
    expect(statSync(files.key).mode & 0o777).toBe(0o600);
    expect(readdirSync(folder).sort()).toEqual(['certificate.pem', 'key.pem']);
  });

  it('is finished by the next start when the first was killed between its two files', async () => {
    await ensureSelfSigned(files, 'bridge.example');
    const before = await readCertificate(files);
    renameSync(files.certificate, `${files.certificate}.new`);
    await ensureSelfSigned(files, 'bridge.example');
    expect(await readCertificate(files)).toEqual(before);
  });

  it('is made anew when the first start was killed before either had its name', async () => {
    await ensureSelfSigned(files, 'bridge.example');
    renameSync(files.key, `${files.key}.new`);
    renameSync(files.certificate, `${files.certificate}.new`);
    expect(await ensureSelfSigned(files, 'bridge.example')).toBe(true);
  });

  it.each(['certificate', 'key'] as const)('never replaces a %s that somebody has put there', async (which) => {
    writeFileSync(files[which], 'mine');
    await expect(ensureSelfSigned(files, 'bridge.example')).rejects.toThrow('only one is there');
    expect(readFileSync(files[which], 'utf8')).toBe('mine');
  });
});

it('of the names of a certificate the first one that a client can connect to is found', async () => {
  const altNames = ['*.example.com', 'ftps.example.com', 'ftp.example.com'].map((value) => ({ type: 2 as const, value }));
  const { cert } = await generate([{ name: 'commonName', value: 'x' }], {
    keyType: 'ec',
    extensions: [{ name: 'subjectAltName', altNames }],
  });
  expect(namesOf(cert).first).toBe('ftps.example.com');
  expect(namesOf(cert).include('other.example.com')).toBe(true);
  expect(namesOf(cert).include('other.example.org')).toBe(false);
});

describe('while the server runs', () => {
  let clock: FakeClock;
  let events: EventName[];
  let source: FileCertificates;
  const log: Log = {
    debug: (event) => events.push(event),
    info: (event) => events.push(event),
    warn: (event) => events.push(event),
    error: (event) => events.push(event),
    with: () => log,
  };

  async function write(name: string): Promise<string> {
    const made = await makeCertificate(name);
    writeFileSync(files.certificate, made.cert);
    writeFileSync(files.key, made.key);
    return made.fingerprint;
  }

  /** Lets five seconds pass, and the reading of files that follows: it ends in a line of the log, or in the next timer. */
  async function lookAgain(): Promise<void> {
    await clock.advance(5_000);
    for (let turn = 0; turn < 200 && clock.pending === 0; turn++) {
      await new Promise((resolve) => setTimeout(resolve, 1));
      await settle(1);
    }
  }

  beforeEach(async () => {
    clock = new FakeClock();
    events = [];
    await write('first.example');
    source = await FileCertificates.open(files, clock, log);
  });

  afterEach(() => source.close());

  it('new files are in force within five seconds', async () => {
    const fingerprint = await write('second.example');
    await lookAgain();
    expect(source.current().fingerprint).toBe(fingerprint);
    expect(events).toEqual(['certificate.loaded']);
  });

  it('unchanged files are not read again', async () => {
    await lookAgain();
    await lookAgain();
    expect(events).toEqual([]);
  });

  it.each<[string, () => void | Promise<void>]>([
    ['half a certificate', () => writeFileSync(files.certificate, readFileSync(files.certificate).subarray(0, 100))],
    [
      'half a chain',
      () => writeFileSync(files.certificate, `${readFileSync(files.certificate)}\n${readFileSync(files.certificate).subarray(0, 200)}`),
    ],
    ['the key of another one', async () => writeFileSync(files.key, (await makeCertificate('other.example')).key)],
    ['no file', () => rmSync(files.certificate)],
    ['an empty key', () => writeFileSync(files.key, '')],
  ])('%s leaves the old one in force, is told once, and is replaced as soon as there is better', async (_what, spoil) => {
    const { fingerprint } = source.current();
    await spoil();
    await lookAgain();
    await lookAgain();
    expect(source.current().fingerprint).toBe(fingerprint);
    expect(events).toEqual(['certificate.refused']);
    const better = await write('better.example');
    await lookAgain();
    expect(source.current().fingerprint).toBe(better);
    expect(events).toEqual(['certificate.refused', 'certificate.loaded']);
  });

  it('a signal has them read at once', async () => {
    const fingerprint = await write('second.example');
    await source.reload();
    expect(source.current().fingerprint).toBe(fingerprint);
  });

  it('a closed source looks no more', async () => {
    source.close();
    expect(clock.pending).toBe(0);
  });
});

describe('a server does not start with files that it cannot use, and says which one and what is wrong with it:', () => {
  let one: Awaited<ReturnType<typeof makeCertificate>>;
  beforeEach(async () => {
    one = await makeCertificate('one.example');
    writeFileSync(files.certificate, one.cert);
    writeFileSync(files.key, one.key);
  });

  function withPassphrase(key: string): string {
    return createPrivateKey(key).export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' }) as string;
  }

  it.each<[string, () => void | Promise<void>, (files: CertificateFiles) => string]>([
    ['one that is not there', () => rmSync(files.certificate), ({ certificate }) => `${certificate} cannot be read: it is not there`],
    [
      'a folder',
      () => {
        rmSync(files.key);
        mkdirSync(files.key);
      },
      ({ key }) => `${key} cannot be read: EISDIR`,
    ],
    [
      'no certificate',
      () => writeFileSync(files.certificate, 'hello'),
      ({ certificate }) => `${certificate} holds no certificate as PEM (`,
    ],
    ['no key', () => writeFileSync(files.key, ''), ({ key }) => `${key} holds no private key as PEM without a passphrase (`],
    [
      'a key with a passphrase',
      () => writeFileSync(files.key, withPassphrase(one.key)),
      ({ key }) => `${key} holds no private key as PEM without a passphrase (`,
    ],
    [
      'half a chain',
      () => writeFileSync(files.certificate, `${one.cert}\n${one.cert.slice(0, 200)}`),
      ({ certificate }) => `${certificate} cannot be used for TLS, with its chain or its key (PEM routines`,
    ],
    [
      'the key of another one',
      async () => writeFileSync(files.key, (await makeCertificate('two.example')).key),
      ({ certificate, key }) => `${key} is not the key of ${certificate}`,
    ],
  ])('%s', async (_what, spoil, told) => {
    await spoil();
    await expect(FileCertificates.open(files, new FakeClock(), undefined as never)).rejects.toThrow(told(files));
  });
});
