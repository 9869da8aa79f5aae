import { createPrivateKey, X509Certificate } from 'node:crypto';
import { exportFromAcm } from '../../runtime/adapters/certificates/acm';
import { FetchedCertificates } from '../../runtime/adapters/certificates/fetched-certificates';
import { readFromSecret, splitBundle } from '../../runtime/adapters/certificates/secret';
import type { Certificate } from '../../runtime/ports/certificate-source';
import type { EventName, Log } from '../../runtime/ports/log';
import { makeCertificate } from '../support/certificates';
import { FakeClock } from '../support/fake-clock';

/** A client of the SDK that gives these answers, one after the other. */
function clientOf(...answers: (object | Error | ((input: Record<string, unknown>) => object))[]) {
  const asked: Record<string, unknown>[] = [];
  const send = async (command: { input: Record<string, unknown> }) => {
    asked.push(command.input);
    const answer = answers.length > 1 ? answers.shift() : answers[0];
    if (answer instanceof Error) throw answer;
    return typeof answer === 'function' ? answer(command.input) : answer;
  };
  return { asked, client: { send } as never };
}

const hour = 3_600_000;
let one: { cert: string; key: string };
let two: { cert: string; key: string };

beforeAll(async () => {
  [one, two] = await Promise.all([makeCertificate(), makeCertificate()]);
});

const fingerprintOf = ({ cert }: { cert: string }) => new X509Certificate(cert).fingerprint256;

describe('a certificate of ACM', () => {
  const encrypted = (key: string, passphrase: string) =>
    createPrivateKey(key).export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase }).toString();

  it('comes with its chain, and its key is decrypted with the passphrase that this request made', async () => {
    const { asked, client } = clientOf(({ Passphrase }) => ({
      Certificate: one.cert,
      CertificateChain: two.cert,
      PrivateKey: encrypted(one.key, Buffer.from(Passphrase as Uint8Array).toString()),
    }));
    const certificate = await exportFromAcm('arn:one', undefined, client)();
    expect(certificate.fingerprint).toBe(fingerprintOf(one));
    expect(certificate.cert.match(/BEGIN CERTIFICATE/g)).toHaveLength(2);
    expect(createPrivateKey(certificate.key).type).toBe('private');
    await exportFromAcm('arn:one', undefined, client)();
    expect(asked[0]?.['Passphrase']).not.toEqual(asked[1]?.['Passphrase']);
  });

  it('without a key, or with that of another certificate, is refused', async () => {
    await expect(exportFromAcm('arn:one', undefined, clientOf({ Certificate: one.cert }).client)()).rejects.toThrow('came without');
    const mixed = ({ Passphrase }: Record<string, unknown>) => ({
      Certificate: one.cert,
      PrivateKey: encrypted(two.key, Buffer.from(Passphrase as Uint8Array).toString()),
    });
    await expect(exportFromAcm('arn:one', undefined, clientOf(mixed).client)()).rejects.toThrow('key of another one');
  });
});

describe('a certificate in a secret', () => {
  it.each([
    ['PEM text, the key first', () => `${one.key}\n${one.cert}${two.cert}`],
    ['PEM text, the key last', () => `${one.cert}${two.cert}${one.key}`],
    ['JSON', () => JSON.stringify({ certificate: one.cert, chain: two.cert, key: one.key })],
  ])('is read from %s', async (_what, text) => {
    const { client } = clientOf({ SecretString: text() });
    const certificate = await readFromSecret('arn:secret', undefined, client)();
    expect(certificate.fingerprint).toBe(fingerprintOf(one));
    expect(certificate.cert.match(/BEGIN CERTIFICATE/g)).toHaveLength(2);
  });

  it.each([
    ['nothing', () => '', 'no certificate'],
    ['no key', () => one.cert, 'no private key'],
    ['the key of another', () => one.cert + two.key, 'not the certificate'],
  ])('with %s is refused', async (_what, text, message) => {
    await expect(readFromSecret('arn:secret', undefined, clientOf({ SecretString: text() }).client)()).rejects.toThrow(message);
  });

  it('takes no other kind of block for a key', () => {
    expect(splitBundle('-----BEGIN PUBLIC KEY-----\nAA\n-----END PUBLIC KEY-----').key).toBe('');
  });
});

describe('a certificate that is fetched', () => {
  const open = async (fetch: () => Promise<Certificate>) => {
    const clock = new FakeClock();
    const logged: EventName[] = [];
    const note = (event: EventName) => void logged.push(event);
    const log: Log = { debug: note, info: note, warn: note, error: note, with: () => log };
    return { clock, logged, source: await FetchedCertificates.open({ fetch, clock, log }) };
  };
  const as = (fingerprint: string): Certificate => ({ cert: '', key: '', fingerprint, notAfter: 0 });

  it('is looked at every day, and a new one holds at once', async () => {
    const answers = [as('old'), as('old'), as('new')];
    const { clock, logged, source } = await open(async () => answers.shift() as Certificate);
    await clock.advance(24 * hour);
    expect(source.current().fingerprint).toBe('old');
    expect(logged).toEqual([]);
    await clock.advance(24 * hour);
    expect(source.current().fingerprint).toBe('new');
    expect(logged).toEqual(['certificate.loaded']);
    source.close();
  });

  it('stays when a fetch fails, which is said and tried again in minutes', async () => {
    let fails = false;
    let name = 'old';
    const { clock, logged, source } = await open(async () => {
      if (fails) throw new Error('no rights');
      return as(name);
    });
    fails = true;
    await clock.advance(24 * hour);
    expect(source.current().fingerprint).toBe('old');
    expect(logged).toEqual(['certificate.refused']);
    fails = false;
    name = 'new';
    await clock.advance(300_000);
    expect(source.current().fingerprint).toBe('new');
    source.close();
  });

  it('that is not there at start keeps the server from starting', async () => {
    await expect(open(() => Promise.reject(new Error('not found')))).rejects.toThrow('not found');
  });

  it('is not looked at any more when it is closed', async () => {
    let fetches = 0;
    const { clock, source } = await open(async () => as(String(++fetches)));
    source.close();
    await clock.advance(100 * hour);
    expect(fetches).toBe(1);
  });
});
