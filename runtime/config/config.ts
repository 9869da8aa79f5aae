import { Reader, unknown } from './setting-reader';
import { variables } from './variables';

/** The environment, a record of strings, to a `Config`, or to every fault at once: who fixes one should not meet the next at the next start. */
export interface Config {
  readonly data: string;
  readonly objectsPath: string | undefined;
  readonly objects: { readonly kind: 'directory' } | S3Config;
  readonly metadata: { readonly kind: 'lmdb' } | DynamoDBConfig;
  readonly host: string;
  readonly explicitPort: number;
  readonly implicitPort: number;
  readonly passivePorts: readonly number[];
  /** One address, or one for each zone by name. */
  readonly pasvAddress: string | ReadonlyMap<string, string> | undefined;
  readonly fleet: FleetConfig | undefined;
  /** Processes that serve clients; 1: this one alone. */
  readonly workers: number;
  readonly certificate: CertificateConfig;
  /** AWS region; undefined: as the SDK finds it. */
  readonly region: string | undefined;
  readonly tlsMin: 'TLSv1.2' | 'TLSv1.3';
  readonly tlsMax: 'TLSv1.2' | 'TLSv1.3';
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error';
  /** Milliseconds, all of them. */
  readonly times: Readonly<Record<TimeName, number>>;
  readonly sessionsPerAddress: number;
  readonly sessionsPerUser: number;
  readonly lockoutFailures: number;
  readonly loginFailures: number;
  readonly statusEntries: number;
  /** Pending passive reservations of one partner at one address. Undefined: as the number of ports allows. */
  readonly reservations: number | undefined;
  /** Bytes. */
  readonly lineLength: number;
  readonly bufferBudget: number;
  readonly smallestPart: number;
  readonly diskReserve: number;
}

export interface S3Config {
  readonly kind: 's3';
  readonly bucket: string;
  readonly endpoint: string | undefined;
  readonly region: string | undefined;
  readonly profile: 'auto' | 'aws' | 'versitygw' | 'moto' | 'r2' | 'minio';
  readonly kmsKey: string | undefined;
  readonly storageClass: string | undefined;
  readonly tags: string | undefined;
  /** Bytes. */
  readonly partSize: number;
  readonly partsInFlight: number;
  /** SQS queue with the bucket's events. */
  readonly events: string | undefined;
}

export type CertificateConfig =
  /** In the data folder, made when it is missing. */
  | { readonly kind: 'self-signed' }
  | { readonly kind: 'files'; readonly certificate: string; readonly key: string }
  | { readonly kind: 'acm' | 'secret'; readonly arn: string };

/** One task of several behind a load balancer. */
export interface FleetConfig {
  readonly dataPort: number;
  readonly adminPort: number;
  readonly relayPort: number;
  readonly relayAddress: string | undefined;
  readonly zone: string | undefined;
  /** Where ECS tells a container who it is, and where it takes requests to protect it; set by ECS itself. */
  readonly metadata: string | undefined;
  readonly agent: string | undefined;
}

export interface DynamoDBConfig {
  readonly kind: 'dynamodb';
  readonly table: string;
  readonly endpoint: string | undefined;
  readonly region: string | undefined;
}

export type TimeName =
  | 'login'
  | 'idle'
  | 'session'
  | 'handshake'
  | 'accept'
  | 'stall'
  | 'drain'
  | 'claimWait'
  | 'parkedFor'
  | 'silentAfter'
  | 'sweepEvery'
  | 'deadAfter'
  | 'lockout'
  | 'passwordRemembered'
  | 'giveUpAfter'
  | 'keepAlive';

const mostBudget = 512 * 1024 * 1024;

/** @param memory Bytes that this process may use: the smaller of physical memory and the container's limit. */
export function readConfig(
  environment: Readonly<Record<string, string | undefined>>,
  memory: number,
): Config | { readonly faults: readonly string[] } {
  const faults: string[] = [];
  const reader = new Reader(environment, faults);
  for (const name of Object.keys(environment)) if (name.startsWith('CAUSEWAY_') && !(name in variables)) faults.push(unknown(name));
  const smallestPart = reader.bytes('CAUSEWAY_SMALLEST_PART') ?? 0;
  const config: Config = {
    data: reader.text('CAUSEWAY_DATA'),
    objectsPath: reader.text('CAUSEWAY_OBJECTS_PATH') || undefined,
    objects: readObjects(reader, faults),
    metadata: readMetadata(reader, faults),
    host: reader.text('CAUSEWAY_HOST'),
    explicitPort: reader.number('CAUSEWAY_EXPLICIT_PORT'),
    implicitPort: reader.number('CAUSEWAY_IMPLICIT_PORT'),
    passivePorts: reader.ports('CAUSEWAY_PASSIVE_PORTS'),
    pasvAddress: reader.addresses('CAUSEWAY_PASV_ADDRESS'),
    fleet: readFleet(reader, environment, faults),
    workers: reader.number('CAUSEWAY_WORKERS'),
    certificate: readCertificate(reader, faults),
    region: reader.text('CAUSEWAY_REGION') || undefined,
    tlsMin: `TLSv${reader.choice('CAUSEWAY_TLS_MIN')}` as Config['tlsMin'],
    tlsMax: `TLSv${reader.choice('CAUSEWAY_TLS_MAX')}` as Config['tlsMax'],
    logLevel: reader.choice('CAUSEWAY_LOG_LEVEL') as Config['logLevel'],
    times: {
      login: reader.seconds('CAUSEWAY_LOGIN_TIMEOUT'),
      idle: reader.seconds('CAUSEWAY_IDLE_TIMEOUT'),
      session: reader.seconds('CAUSEWAY_SESSION_TIMEOUT'),
      handshake: reader.seconds('CAUSEWAY_HANDSHAKE_TIMEOUT'),
      accept: reader.seconds('CAUSEWAY_ACCEPT_TIMEOUT'),
      stall: reader.seconds('CAUSEWAY_STALL_TIMEOUT'),
      drain: reader.seconds('CAUSEWAY_DRAIN_TIMEOUT'),
      claimWait: reader.seconds('CAUSEWAY_CLAIM_WAIT'),
      parkedFor: reader.seconds('CAUSEWAY_PARKED_FOR'),
      silentAfter: reader.seconds('CAUSEWAY_SILENT_AFTER'),
      sweepEvery: reader.seconds('CAUSEWAY_SWEEP_EVERY'),
      deadAfter: reader.seconds('CAUSEWAY_DEAD_AFTER'),
      lockout: reader.seconds('CAUSEWAY_LOCKOUT_TIME'),
      passwordRemembered: reader.seconds('CAUSEWAY_PASSWORD_REMEMBERED'),
      giveUpAfter: reader.seconds('CAUSEWAY_GIVE_UP_AFTER'),
      keepAlive: reader.seconds('CAUSEWAY_KEEP_ALIVE'),
    },
    sessionsPerAddress: reader.number('CAUSEWAY_SESSIONS_PER_ADDRESS'),
    sessionsPerUser: reader.number('CAUSEWAY_SESSIONS_PER_USER'),
    lockoutFailures: reader.number('CAUSEWAY_LOCKOUT_FAILURES'),
    loginFailures: reader.number('CAUSEWAY_LOGIN_FAILURES'),
    statusEntries: reader.number('CAUSEWAY_STATUS_ENTRIES'),
    reservations: reader.optionalNumber('CAUSEWAY_RESERVATIONS'),
    lineLength: reader.bytes('CAUSEWAY_LINE_LENGTH') ?? 0,
    bufferBudget: reader.bytes('CAUSEWAY_BUFFER_BUDGET') ?? Math.max(smallestPart, Math.min(mostBudget, Math.floor(memory / 4))),
    smallestPart,
    diskReserve: reader.bytes('CAUSEWAY_DISK_RESERVE') ?? 0,
  };
  checkTogether(config, faults);
  return faults.length > 0 ? { faults } : config;
}

/** What has no effect without its store: whoever sets one of them believes that his files go there. */
const ofBucket = [
  'CAUSEWAY_BUCKET',
  'CAUSEWAY_S3_ENDPOINT',
  'CAUSEWAY_S3_KMS_KEY',
  'CAUSEWAY_S3_STORAGE_CLASS',
  'CAUSEWAY_S3_TAGS',
  'CAUSEWAY_BUCKET_EVENTS',
] as const;
const ofTable = ['CAUSEWAY_TABLE', 'CAUSEWAY_DYNAMODB_ENDPOINT'] as const;
const ofFleet = ['CAUSEWAY_RELAY_ADDRESS', 'CAUSEWAY_ZONE'] as const;

function readObjects(reader: Reader, faults: string[]): Config['objects'] {
  const kind = reader.choice('CAUSEWAY_OBJECTS');
  const s3: S3Config = {
    kind: 's3',
    bucket: reader.text('CAUSEWAY_BUCKET'),
    endpoint: reader.url('CAUSEWAY_S3_ENDPOINT'),
    region: reader.text('CAUSEWAY_REGION') || undefined,
    profile: reader.choice('CAUSEWAY_S3_PROFILE') as S3Config['profile'],
    kmsKey: reader.text('CAUSEWAY_S3_KMS_KEY') || undefined,
    storageClass: reader.text('CAUSEWAY_S3_STORAGE_CLASS') || undefined,
    tags: reader.text('CAUSEWAY_S3_TAGS') || undefined,
    partSize: reader.bytes('CAUSEWAY_PART_SIZE') ?? 0,
    partsInFlight: reader.number('CAUSEWAY_PARTS_IN_FLIGHT'),
    events: reader.url('CAUSEWAY_BUCKET_EVENTS'),
  };
  if (kind !== 's3') {
    for (const name of ofBucket) if (reader.text(name)) faults.push(`${name} is set, but CAUSEWAY_OBJECTS is not s3`);
    return { kind: 'directory' };
  }
  if (!s3.bucket) faults.push('CAUSEWAY_OBJECTS is s3, so CAUSEWAY_BUCKET must name the bucket');
  return s3;
}

function readCertificate(reader: Reader, faults: string[]): CertificateConfig {
  const certificate = reader.text('CAUSEWAY_CERTIFICATE');
  const key = reader.text('CAUSEWAY_KEY');
  const acm = reader.text('CAUSEWAY_CERTIFICATE_ARN');
  const secret = reader.text('CAUSEWAY_CERTIFICATE_SECRET');
  if ((certificate === '') !== (key === '')) faults.push('CAUSEWAY_CERTIFICATE and CAUSEWAY_KEY belong together: set both or neither');
  const sources = [certificate, acm, secret].filter((source) => source !== '');
  if (sources.length > 1)
    faults.push('of CAUSEWAY_CERTIFICATE, CAUSEWAY_CERTIFICATE_ARN and CAUSEWAY_CERTIFICATE_SECRET only one can be set');
  if (acm) return { kind: 'acm', arn: acm };
  if (secret) return { kind: 'secret', arn: secret };
  return certificate && key ? { kind: 'files', certificate, key } : { kind: 'self-signed' };
}

function readFleet(reader: Reader, environment: Readonly<Record<string, string | undefined>>, faults: string[]): FleetConfig | undefined {
  const fleet: FleetConfig = {
    dataPort: reader.number('CAUSEWAY_DATA_PORT'),
    adminPort: reader.number('CAUSEWAY_ADMIN_PORT'),
    relayPort: reader.number('CAUSEWAY_RELAY_PORT'),
    relayAddress: reader.host('CAUSEWAY_RELAY_ADDRESS'),
    zone: reader.text('CAUSEWAY_ZONE') || undefined,
    metadata: environment['ECS_CONTAINER_METADATA_URI_V4'],
    agent: environment['ECS_AGENT_URI'],
  };
  if (reader.choice('CAUSEWAY_FLEET') === 'on') return fleet;
  for (const name of ofFleet) if (reader.text(name)) faults.push(`${name} is set, but CAUSEWAY_FLEET is off`);
  return undefined;
}

function readMetadata(reader: Reader, faults: string[]): Config['metadata'] {
  const kind = reader.choice('CAUSEWAY_METADATA');
  const table = reader.text('CAUSEWAY_TABLE');
  const endpoint = reader.url('CAUSEWAY_DYNAMODB_ENDPOINT');
  if (kind !== 'dynamodb') {
    for (const name of ofTable) if (reader.text(name)) faults.push(`${name} is set, but CAUSEWAY_METADATA is not dynamodb`);
    return { kind: 'lmdb' };
  }
  if (!table) faults.push('CAUSEWAY_METADATA is dynamodb, so CAUSEWAY_TABLE must name the table');
  return { kind: 'dynamodb', table, endpoint, region: reader.text('CAUSEWAY_REGION') || undefined };
}

/** What is wrong alone has been told, and is not compared. */
function checkTogether(config: Config, faults: string[]): void {
  if (config.fleet) {
    if (config.metadata.kind !== 'dynamodb')
      faults.push('CAUSEWAY_FLEET is on, so the tasks must share their index: CAUSEWAY_METADATA=dynamodb');
    if (config.objects.kind !== 's3') faults.push('CAUSEWAY_FLEET is on, so the tasks must share their files: CAUSEWAY_OBJECTS=s3');
    if (config.passivePorts.includes(0))
      faults.push('CAUSEWAY_PASSIVE_PORTS asks for free ports, but CAUSEWAY_FLEET is on: they must be those of the load balancer');
  } else if (typeof config.pasvAddress === 'object') {
    faults.push('CAUSEWAY_PASV_ADDRESS names zones, but CAUSEWAY_FLEET is off');
  }
  if (config.workers > 1 && config.fleet)
    faults.push(`CAUSEWAY_WORKERS is ${config.workers}, but CAUSEWAY_FLEET is on: a fleet uses more cores by more tasks`);
  else if (config.workers > 1 && config.metadata.kind !== 'lmdb')
    faults.push(`CAUSEWAY_WORKERS is ${config.workers}, but workers share an index in the data folder, and CAUSEWAY_METADATA is not lmdb`);
  if (config.tlsMin === 'TLSv1.3' && config.tlsMax === 'TLSv1.2') faults.push('CAUSEWAY_TLS_MIN is above CAUSEWAY_TLS_MAX');
  if (config.bufferBudget < config.smallestPart) faults.push('CAUSEWAY_SMALLEST_PART is larger than CAUSEWAY_BUFFER_BUDGET');
  checkPorts(config, faults);
}

function checkPorts({ explicitPort, implicitPort, fleet, passivePorts }: Config, faults: string[]): void {
  const control: [name: string, port: number][] = [
    ['CAUSEWAY_EXPLICIT_PORT', explicitPort],
    ['CAUSEWAY_IMPLICIT_PORT', implicitPort],
  ];
  const ports = [...control];
  if (fleet)
    ports.push(['CAUSEWAY_DATA_PORT', fleet.dataPort], ['CAUSEWAY_ADMIN_PORT', fleet.adminPort], ['CAUSEWAY_RELAY_PORT', fleet.relayPort]);
  for (const [index, [name, port]] of ports.entries()) {
    const same = port > 0 && ports.slice(index + 1).find(([, other]) => other === port);
    if (same) faults.push(`${name} and ${same[0]} are the same`);
  }
  for (const [, port] of control)
    if (port > 0 && passivePorts.includes(port)) faults.push(`port ${port} is a control port and lies in CAUSEWAY_PASSIVE_PORTS`);
}
