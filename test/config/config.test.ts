import { type Config, readConfig } from '../../runtime/config/config';
import { variables } from '../../runtime/config/variables';

const mebibyte = 1024 * 1024;
const gibibyte = 1024 * mebibyte;

function valid(environment: Record<string, string> = {}, memory = 8 * gibibyte): Config {
  const config = readConfig(environment, memory);
  if ('faults' in config) throw new Error(config.faults.join('\n'));
  return config;
}

function faults(environment: Record<string, string>): readonly string[] {
  const config = readConfig(environment, gibibyte);
  return 'faults' in config ? config.faults : [];
}

describe('without any setting', () => {
  it('the server listens where a user without rights may', () => {
    const config = valid();
    expect(config).toMatchObject({
      data: './causeway-data',
      objectsPath: undefined,
      host: '0.0.0.0',
      explicitPort: 2121,
      implicitPort: 9990,
      pasvAddress: undefined,
      certificate: { kind: 'self-signed' },
      tlsMin: 'TLSv1.2',
      tlsMax: 'TLSv1.3',
      logLevel: 'info',
      diskReserve: 64 * mebibyte,
    });
    expect(config.passivePorts).toHaveLength(48);
    expect(config.passivePorts[0]).toBe(8192);
    expect(config.passivePorts.at(-1)).toBe(8239);
  });

  it('every limit has its number', () => {
    const config = valid();
    expect(config.times).toEqual({
      login: 30_000,
      idle: 300_000,
      session: 86_400_000,
      handshake: 15_000,
      accept: 60_000,
      stall: 60_000,
      drain: 120_000,
      claimWait: 60_000,
      deadAfter: 30_000,
      parkedFor: 86_400_000,
      silentAfter: 5_000,
      sweepEvery: 15_000,
      lockout: 1_800_000,
      passwordRemembered: 600_000,
      giveUpAfter: 300_000,
      keepAlive: 60_000,
    });
    expect(config).toMatchObject({
      sessionsPerAddress: 100,
      sessionsPerUser: 50,
      lockoutFailures: 10,
      loginFailures: 3,
      statusEntries: 1_000,
      reservations: undefined,
      lineLength: 4_096,
      smallestPart: 5 * mebibyte,
    });
  });
});

it.each([
  [16 * gibibyte, 512 * mebibyte],
  [2 * gibibyte, 512 * mebibyte],
  [gibibyte, 256 * mebibyte],
  [4 * mebibyte, 5 * mebibyte],
])('of %d bytes of memory the part buffers may have %d', (memory, budget) => {
  expect(valid({}, memory).bufferBudget).toBe(budget);
});

it('a small machine has room for at least one part, however large', () => {
  expect(valid({ CAUSEWAY_SMALLEST_PART: '8MiB' }, 4 * mebibyte).bufferBudget).toBe(8 * mebibyte);
  expect(valid({ CAUSEWAY_RESERVATIONS: '12' }).reservations).toBe(12);
});

it.each([
  ['64MiB', 64 * mebibyte],
  ['1 gib', gibibyte],
  ['5242880', 5 * mebibyte],
])('the size %j is %d bytes', (text, bytes) => {
  expect(valid({ CAUSEWAY_BUFFER_BUDGET: text }).bufferBudget).toBe(bytes);
});

it.each([
  ['8192-8194', [8192, 8193, 8194]],
  ['50000', [50_000]],
  ['free:3', [0, 0, 0]],
])('the passive ports %j are %j', (text, ports) => {
  expect(valid({ CAUSEWAY_PASSIVE_PORTS: text }).passivePorts).toEqual(ports);
});

it('an empty value is the default, as it is in the files that set environments', () => {
  expect(valid({ CAUSEWAY_DATA: '', CAUSEWAY_EXPLICIT_PORT: ' ' })).toEqual(valid());
});

it('other programs may have settings too', () => {
  expect(valid({ PATH: '/bin', npm_config_cache: '/c' })).toEqual(valid());
});

it.each([
  ['CAUSEWAY_EXPLICIT_PORT', '65536'],
  ['CAUSEWAY_EXPLICIT_PORT', '-1'],
  ['CAUSEWAY_EXPLICIT_PORT', '21.5'],
  ['CAUSEWAY_IMPLICIT_PORT', 'ftps'],
  ['CAUSEWAY_PASSIVE_PORTS', '9000-8000'],
  ['CAUSEWAY_PASSIVE_PORTS', '0-5'],
  ['CAUSEWAY_PASSIVE_PORTS', '65000-65536'],
  ['CAUSEWAY_PASSIVE_PORTS', '10000-15000'],
  ['CAUSEWAY_PASSIVE_PORTS', 'free:0'],
  ['CAUSEWAY_PASSIVE_PORTS', 'free:5001'],
  ['CAUSEWAY_PASV_ADDRESS', 'ftps.example.com'],
  ['CAUSEWAY_PASV_ADDRESS', '203.0.113.256'],
  ['CAUSEWAY_PASV_ADDRESS', '2001:db8::1'],
  ['CAUSEWAY_PASV_ADDRESS', '0.0.0.0'],
  ['CAUSEWAY_TLS_MIN', '1.1'],
  ['CAUSEWAY_TLS_MAX', 'TLSv1.3'],
  ['CAUSEWAY_LOG_LEVEL', 'trace'],
  ['CAUSEWAY_IDLE_TIMEOUT', '9'],
  ['CAUSEWAY_IDLE_TIMEOUT', '5m'],
  ['CAUSEWAY_BUFFER_BUDGET', '5242879'],
  ['CAUSEWAY_BUFFER_BUDGET', '64MB'],
  ['CAUSEWAY_DISK_RESERVE', '2TiB'],
  ['CAUSEWAY_SESSIONS_PER_USER', '0'],
  ['CAUSEWAY_RESERVATIONS', '0'],
  ['CAUSEWAY_LINE_LENGTH', '4kB'],
])('%s=%s is refused with the value and what is allowed', (name, value) => {
  const found = faults({ [name]: value });
  expect(found).toHaveLength(1);
  expect(found[0]).toMatch(new RegExp(`^${name} is "${value.replaceAll('.', '\\.')}", but must be .+`));
});

it.each(Object.entries(variables).flatMap(([name, variable]) => ('range' in variable ? [[name, variable.range] as const] : [])))(
  '%s takes its smallest and its largest value, and nothing outside',
  (name, [least, most]) => {
    for (const value of [least, most]) expect(faults({ [name]: String(value) })).toEqual([]);
    for (const value of [least - 1, most + 1]) expect(faults({ [name]: String(value) })).toHaveLength(1);
  },
);

it('every setting is read: its default can be replaced by something wrong', () => {
  const wrong = { port: 'x', ports: 'x', seconds: 'x', bytes: 'x', count: 'x', choice: 'x' } as Record<string, string>;
  for (const [name, { kind }] of Object.entries(variables)) {
    const text = wrong[kind];
    if (text !== undefined) expect(faults({ [name]: text })).toHaveLength(1);
  }
  expect(
    valid({ CAUSEWAY_DATA: '/a', CAUSEWAY_OBJECTS_PATH: '/b', CAUSEWAY_HOST: '::', CAUSEWAY_PASV_ADDRESS: '203.0.113.5' }),
  ).toMatchObject({
    data: '/a',
    objectsPath: '/b',
    host: '::',
    pasvAddress: '203.0.113.5',
  });
});

it('all faults are told at once', () => {
  expect(faults({ CAUSEWAY_EXPLICIT_PORT: 'x', CAUSEWAY_LOG_LEVEL: 'loud', CAUSEWAY_NOTHING_LIKE_IT: '1' })).toHaveLength(3);
});

it.each([
  ['CAUSEWAY_HSOT', 'CAUSEWAY_HOST'],
  ['CAUSEWAY_PASSIVE_PORT', 'CAUSEWAY_PASSIVE_PORTS'],
  ['CAUSEWAY_TLS_MAXX', 'CAUSEWAY_TLS_MAX'],
  ['CAUSEWAY_EXPLICIT_PROT', 'CAUSEWAY_EXPLICIT_PORT'],
])('%s is taken for a misspelt %s', (wrong, meant) => {
  expect(faults({ [wrong]: '1' })).toEqual([`${wrong} is not a setting: did you mean ${meant}?`]);
});

it('a name like no setting points at the list', () => {
  expect(faults({ CAUSEWAY_COLOUR_OF_THE_BIKE_SHED: 'red' })[0]).toContain('causeway settings');
});

it.each([
  [{ CAUSEWAY_TLS_MIN: '1.3', CAUSEWAY_TLS_MAX: '1.2' }, 'CAUSEWAY_TLS_MIN is above CAUSEWAY_TLS_MAX'],
  [{ CAUSEWAY_CERTIFICATE: '/c.pem' }, 'set both or neither'],
  [{ CAUSEWAY_KEY: '/k.pem' }, 'set both or neither'],
  [{ CAUSEWAY_EXPLICIT_PORT: '9990' }, 'are the same'],
  [{ CAUSEWAY_EXPLICIT_PORT: '8200' }, 'port 8200 is a control port'],
  [{ CAUSEWAY_SMALLEST_PART: '6MiB', CAUSEWAY_BUFFER_BUDGET: '5MiB' }, 'CAUSEWAY_SMALLEST_PART is larger than CAUSEWAY_BUFFER_BUDGET'],
])('%j does not go together', (environment, text) => {
  expect(faults(environment as Record<string, string>)).toEqual([expect.stringContaining(text)]);
});

const fleet = {
  CAUSEWAY_FLEET: 'on',
  CAUSEWAY_OBJECTS: 's3',
  CAUSEWAY_BUCKET: 'files',
  CAUSEWAY_METADATA: 'dynamodb',
  CAUSEWAY_TABLE: 'index',
};

it.each(['10.0.0.7', '2001:db8::7', '::1', 'task-7.example'])('a task of a fleet can be reached at %s', (address) => {
  expect(valid({ ...fleet, CAUSEWAY_RELAY_ADDRESS: address }).fleet?.relayAddress).toBe(address);
});

it.each([
  [{ CAUSEWAY_RELAY_ADDRESS: '10.0.0.7:3002' }, 'CAUSEWAY_RELAY_ADDRESS is "10.0.0.7:3002", but must be an address or a name'],
  [{ CAUSEWAY_RELAY_ADDRESS: 'task 7' }, 'CAUSEWAY_RELAY_ADDRESS is "task 7", but must be an address or a name'],
  [{ CAUSEWAY_RELAY_ADDRESS: '[::1]' }, 'CAUSEWAY_RELAY_ADDRESS is "[::1]", but must be an address or a name'],
  [{ CAUSEWAY_PASSIVE_PORTS: 'free:8' }, 'CAUSEWAY_PASSIVE_PORTS asks for free ports, but CAUSEWAY_FLEET is on'],
  [{ CAUSEWAY_RELAY_PORT: '3000' }, 'CAUSEWAY_DATA_PORT and CAUSEWAY_RELAY_PORT are the same'],
  [{ CAUSEWAY_ADMIN_PORT: '2121' }, 'CAUSEWAY_EXPLICIT_PORT and CAUSEWAY_ADMIN_PORT are the same'],
  [{ CAUSEWAY_PASV_ADDRESS: 'a=203.0.113.5,a=203.0.113.6' }, 'no zone twice'],
])('a task of a fleet does not start with %j', (environment, text) => {
  expect(faults({ ...fleet, ...environment })).toEqual([expect.stringContaining(text)]);
});

it.each(['CAUSEWAY_RELAY_ADDRESS', 'CAUSEWAY_ZONE'])('%s without a fleet would be silently without effect, and is a fault', (name) => {
  expect(faults({ [name]: 'a' })).toEqual([`${name} is set, but CAUSEWAY_FLEET is off`]);
});

it('both control ports may be free ones', () => {
  expect(valid({ CAUSEWAY_EXPLICIT_PORT: '0', CAUSEWAY_IMPLICIT_PORT: '0' })).toMatchObject({ explicitPort: 0, implicitPort: 0 });
});

describe('workers', () => {
  it('are one unless more are asked for', () => {
    expect(valid().workers).toBe(1);
    expect(valid({ CAUSEWAY_WORKERS: '8' }).workers).toBe(8);
  });

  it.each(['0', '65', 'many'])('cannot be %s', (count) => {
    expect(faults({ CAUSEWAY_WORKERS: count })).toEqual([
      `CAUSEWAY_WORKERS is ${JSON.stringify(count)}, but must be a whole number from 1 to 64`,
    ]);
  });

  it('belong to a server with its index in the data folder, and to no fleet', () => {
    const table = { CAUSEWAY_WORKERS: '2', CAUSEWAY_METADATA: 'dynamodb', CAUSEWAY_TABLE: 't' };
    expect(faults(table)).toEqual([
      'CAUSEWAY_WORKERS is 2, but workers share an index in the data folder, and CAUSEWAY_METADATA is not lmdb',
    ]);
    expect(faults({ ...table, CAUSEWAY_FLEET: 'on', CAUSEWAY_OBJECTS: 's3', CAUSEWAY_BUCKET: 'b' })).toEqual([
      'CAUSEWAY_WORKERS is 2, but CAUSEWAY_FLEET is on: a fleet uses more cores by more tasks',
    ]);
    expect(faults({ ...table, CAUSEWAY_WORKERS: '1' })).toEqual([]);
  });
});

it.each([
  ['CAUSEWAY_BUCKET', 'files', 'CAUSEWAY_OBJECTS is not s3'],
  ['CAUSEWAY_S3_ENDPOINT', 'http://127.0.0.1:7070', 'CAUSEWAY_OBJECTS is not s3'],
  ['CAUSEWAY_S3_KMS_KEY', 'key', 'CAUSEWAY_OBJECTS is not s3'],
  ['CAUSEWAY_S3_STORAGE_CLASS', 'GLACIER_IR', 'CAUSEWAY_OBJECTS is not s3'],
  ['CAUSEWAY_S3_TAGS', 'a=b', 'CAUSEWAY_OBJECTS is not s3'],
  ['CAUSEWAY_BUCKET_EVENTS', 'https://sqs.eu-west-1.amazonaws.com/1/q', 'CAUSEWAY_OBJECTS is not s3'],
  ['CAUSEWAY_TABLE', 't', 'CAUSEWAY_METADATA is not dynamodb'],
  ['CAUSEWAY_DYNAMODB_ENDPOINT', 'http://127.0.0.1:8000', 'CAUSEWAY_METADATA is not dynamodb'],
])('%s without its store would be silently without effect, and is a fault', (name, value, why) => {
  expect(faults({ [name]: value })).toEqual([`${name} is set, but ${why}`]);
  const stores = { CAUSEWAY_OBJECTS: 's3', CAUSEWAY_BUCKET: 'files', CAUSEWAY_METADATA: 'dynamodb', CAUSEWAY_TABLE: 't' };
  expect(faults({ ...stores, [name]: value })).toEqual([]);
});
