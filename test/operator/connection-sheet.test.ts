import { execFileSync } from 'node:child_process';
import { checkHost, connectionSheet, type SheetFacts } from '../../runtime/operator/connection-sheet';

const facts: SheetFacts = {
  host: 'localhost',
  explicitPort: 2121,
  implicitPort: 9990,
  passivePorts: [8192, 8193, 8194],
  partner: 'demo',
  password: 'aBc34',
  fingerprint: 'AA:BB',
  certificateFile: '/data/certificate.pem',
  hostIsNamed: true,
  dataFolder: undefined,
  stack: undefined,
};

const sheet = (changes: Partial<SheetFacts> = {}) => connectionSheet({ ...facts, ...changes });

/** The words that a shell hands to the program of the line, for what is printed is pasted. */
function words(text: string, program: string): string[] {
  const line = new RegExp(`^ {2}${program} (.*)$`, 'm').exec(text)?.[1] ?? '';
  return execFileSync('/bin/sh', ['-c', `printf '%s\\n' ${line}`], { encoding: 'utf8', timeout: 10_000 })
    .trimEnd()
    .split('\n');
}

it('names everything that a client must be told', () => {
  for (const line of [
    'Connection sheet for partner demo:',
    '  host:         localhost',
    '  explicit TLS: port 2121',
    '  implicit TLS: port 9990',
    '  passive:      ports 8192-8194',
    '  user:         demo',
    '  password: aBc34',
    '  certificate:  SHA-256 AA:BB',
    '                self-signed: /data/certificate.pem',
  ]) {
    expect(sheet().split('\n')).toContain(line);
  }
});

it('curl demands TLS, trusts the certificate, and logs in', () => {
  expect(words(sheet(), 'curl')).toEqual([
    '--ssl-reqd',
    '--cacert',
    '/data/certificate.pem',
    '--user',
    'demo:aBc34',
    '-T',
    'FILE',
    'ftp://localhost:2121/',
  ]);
});

it('lftp trusts the certificate, uploads, and ends', () => {
  expect(words(sheet(), 'lftp')).toEqual([
    '-e',
    'set ssl:ca-file "/data/certificate.pem"; put FILE; bye',
    '-u',
    'demo,aBc34',
    'ftp://localhost:2121',
  ]);
});

it.each(["it's", '$HOME', '`id`', 'a b', 'a"b', 'a\\b', '!!', '*', ';id', '~', '#', "'", '-x&y|z<a>b'])(
  'the password %j reaches the program through the shell as it is',
  (password) => {
    expect(words(sheet({ password }), 'curl')).toContain(`demo:${password}`);
    expect(words(sheet({ password }), 'lftp')).toContain(`demo,${password}`);
  },
);

it('a folder with spaces and quotes can be pasted too', () => {
  const certificateFile = `/my data/it's "here"/certificate.pem`;
  expect(words(sheet({ certificateFile }), 'curl')).toContain(certificateFile);
  expect(words(sheet({ certificateFile }), 'lftp')[1]).toContain(`"/my data/it's \\"here\\"/certificate.pem"`);
});

it('a certificate that clients know needs no extra trust', () => {
  const text = sheet({ certificateFile: undefined });
  expect(text).not.toMatch(/self-signed|cacert|ca-file/);
  expect(words(text, 'lftp')[1]).toBe('put FILE; bye');
});

it('a certificate for other names is pointed at', () => {
  expect(sheet()).not.toContain('not made for');
  expect(sheet({ host: 'ftps.example.com', hostIsNamed: false })).toContain('not made for ftps.example.com, so clients refuse it');
});

it('of a server on AWS points at what is deployed, and does without a fingerprint that nobody saw', () => {
  const text = sheet({ stack: 'causeway', password: undefined, hostIsNamed: false, fingerprint: undefined, certificateFile: undefined });
  expect(text).toContain('(a new one: npx causeway partner password demo --stack causeway)');
  expect(text).toContain('so clients refuse it: deploy it with hostName, or with a certificate that is');
  expect(text).toContain('  certificate:  (its fingerprint was not seen from where this sheet was made)\n');
});

describe('when the password is not known', () => {
  it('the sheet says how to make a new one', () => {
    expect(sheet({ password: undefined })).toContain('  password: unchanged (a new one: npx causeway partner password demo)\n');
    expect(sheet({ password: undefined, dataFolder: '/my data' })).toContain(
      "(a new one: CAUSEWAY_DATA='/my data' npx causeway partner password demo)",
    );
  });

  it('the clients ask for it', () => {
    expect(words(sheet({ password: undefined }), 'curl')).toContain('demo');
    expect(words(sheet({ password: undefined }), 'lftp')).toContain('demo');
  });
});

it.each([
  [[8192], '8192'],
  [[3, 1, 2], '1-3'],
  [[1, 5], '1, 5'],
  [[0, 0], '(chosen when the server starts)'],
])('the passive ports %j are shown as %j', (passivePorts, text) => {
  expect(sheet({ passivePorts })).toContain(`ports ${text}\n`);
});

it('a port that is not chosen yet is not printed as 0', () => {
  const text = sheet({ explicitPort: 0 });
  expect(text).toContain('explicit TLS: port (chosen when the server starts)');
  expect(words(text, 'curl')).toContain('ftp://localhost:PORT/');
});

it('an IPv6 address stands in brackets', () => {
  expect(words(sheet({ host: '2001:db8::5' }), 'curl')).toContain('ftp://[2001:db8::5]:2121/');
});

it.each(['ftps.example.com', 'localhost', '203.0.113.5', '2001:db8::1', 'b\u00fccher.example'])('%s is a host', (host) => {
  expect(checkHost(host)).toBe(host);
});

it.each(['', 'two words', 'host;$(id)', "a'b", 'ftps.example.com:21', 'ftp://host', '-x'])(
  '"%s" is no host, and is not printed into commands',
  (host) => {
    expect(() => checkHost(host)).toThrow(`--host is "${host}", but must be a name such as ftps.example.com, or an address`);
  },
);
