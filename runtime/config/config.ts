import { type Variable, type VariableName, variables } from './variables';

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
  readonly pasvAddress: string | undefined;
  readonly certificate: string | undefined;
  readonly key: string | undefined;
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
  readonly profile: string;
  readonly kmsKey: string | undefined;
  readonly storageClass: string | undefined;
  readonly tags: string | undefined;
  /** Bytes. */
  readonly partSize: number;
  readonly partsInFlight: number;
  /** SQS queue with the bucket's events. */
  readonly events: string | undefined;
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
  | 'giveUpAfter'
  | 'keepAlive';

const mostPorts = 5_000;
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
    pasvAddress: reader.address('CAUSEWAY_PASV_ADDRESS'),
    certificate: reader.text('CAUSEWAY_CERTIFICATE') || undefined,
    key: reader.text('CAUSEWAY_KEY') || undefined,
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

function readObjects(reader: Reader, faults: string[]): Config['objects'] {
  const kind = reader.choice('CAUSEWAY_OBJECTS');
  const s3: S3Config = {
    kind: 's3',
    bucket: reader.text('CAUSEWAY_BUCKET'),
    endpoint: reader.url('CAUSEWAY_S3_ENDPOINT'),
    region: reader.text('CAUSEWAY_REGION') || undefined,
    profile: reader.choice('CAUSEWAY_S3_PROFILE'),
    kmsKey: reader.text('CAUSEWAY_S3_KMS_KEY') || undefined,
    storageClass: reader.text('CAUSEWAY_S3_STORAGE_CLASS') || undefined,
    tags: reader.text('CAUSEWAY_S3_TAGS') || undefined,
    partSize: reader.bytes('CAUSEWAY_PART_SIZE') ?? 0,
    partsInFlight: reader.number('CAUSEWAY_PARTS_IN_FLIGHT'),
    events: reader.url('CAUSEWAY_BUCKET_EVENTS'),
  };
  if (kind !== 's3') {
    if (s3.bucket) faults.push('CAUSEWAY_BUCKET is set, but CAUSEWAY_OBJECTS is not s3');
    return { kind: 'directory' };
  }
  if (!s3.bucket) faults.push('CAUSEWAY_OBJECTS is s3, so CAUSEWAY_BUCKET must name the bucket');
  return s3;
}

function readMetadata(reader: Reader, faults: string[]): Config['metadata'] {
  const kind = reader.choice('CAUSEWAY_METADATA');
  const table = reader.text('CAUSEWAY_TABLE');
  const endpoint = reader.url('CAUSEWAY_DYNAMODB_ENDPOINT');
  if (kind !== 'dynamodb') {
    if (table) faults.push('CAUSEWAY_TABLE is set, but CAUSEWAY_METADATA is not dynamodb');
    return { kind: 'lmdb' };
  }
  if (!table) faults.push('CAUSEWAY_METADATA is dynamodb, so CAUSEWAY_TABLE must name the table');
  return { kind: 'dynamodb', table, endpoint, region: reader.text('CAUSEWAY_REGION') || undefined };
}

/** What is wrong alone has been told, and is not compared. */
function checkTogether(config: Config, faults: string[]): void {
  if (config.tlsMin === 'TLSv1.3' && config.tlsMax === 'TLSv1.2') faults.push('CAUSEWAY_TLS_MIN is above CAUSEWAY_TLS_MAX');
  if ((config.certificate === undefined) !== (config.key === undefined)) {
    faults.push('CAUSEWAY_CERTIFICATE and CAUSEWAY_KEY belong together: set both or neither');
  }
  if (config.bufferBudget < config.smallestPart) faults.push('CAUSEWAY_SMALLEST_PART is larger than CAUSEWAY_BUFFER_BUDGET');
  const fixed = [config.explicitPort, config.implicitPort].filter((port) => port > 0);
  if (new Set(fixed).size < fixed.length) faults.push('CAUSEWAY_EXPLICIT_PORT and CAUSEWAY_IMPLICIT_PORT are the same');
  for (const port of fixed)
    if (config.passivePorts.includes(port)) faults.push(`port ${port} is a control port and lies in CAUSEWAY_PASSIVE_PORTS`);
}

class Reader {
  constructor(
    private readonly environment: Readonly<Record<string, string | undefined>>,
    private readonly faults: string[],
  ) {}

  text(name: VariableName): string {
    return this.environment[name]?.trim() || variables[name].default;
  }

  choice(name: VariableName): string {
    const value = this.text(name);
    const { choices = [] } = variables[name] as Variable;
    if (!choices.includes(value)) this.fault(name, value, `one of ${choices.join(', ')}`);
    return value;
  }

  number(name: VariableName): number {
    const variable = variables[name] as Variable;
    const value = this.text(name);
    const [least, most] = variable.range ?? [0, 65_535];
    const number = /^\d{1,15}$/.test(value) ? Number(value) : Number.NaN;
    if (!(number >= least && number <= most)) this.fault(name, value, `a whole number from ${least} to ${most}`);
    return number;
  }

  optionalNumber(name: VariableName): number | undefined {
    return this.text(name) === '' ? undefined : this.number(name);
  }

  seconds(name: VariableName): number {
    return this.number(name) * 1000;
  }

  bytes(name: VariableName): number | undefined {
    const value = this.text(name);
    if (value === '') return undefined;
    const match = /^(\d{1,15})\s*(KiB|MiB|GiB|TiB)?$/i.exec(value);
    const power = ['', 'kib', 'mib', 'gib', 'tib'].indexOf(match?.[2]?.toLowerCase() ?? '');
    const bytes = match ? Number(match[1]) * 1024 ** power : Number.NaN;
    const [least, most] = (variables[name] as Variable).range ?? [0, Number.MAX_SAFE_INTEGER];
    if (bytes >= least && bytes <= most) return bytes;
    this.fault(name, value, `a size from ${least} to ${most} bytes, such as 64MiB`);
    // Compares with nothing.
    return Number.NaN;
  }

  ports(name: VariableName): readonly number[] {
    const value = this.text(name);
    const free = /^free:(\d{1,4})$/.exec(value);
    if (free && Number(free[1]) >= 1 && Number(free[1]) <= mostPorts) return Array.from({ length: Number(free[1]) }, () => 0);
    const match = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(value);
    const first = Number(match?.[1]);
    const last = Number(match?.[2] ?? match?.[1]);
    if (!match || first < 1 || last > 65_535 || last < first || last - first >= mostPorts) {
      this.fault(name, value, `first-last, such as 8192-8239, or free:8 for eight free ones, at most ${mostPorts} ports`);
      return [];
    }
    return Array.from({ length: last - first + 1 }, (_, index) => first + index);
  }

  url(name: VariableName): string | undefined {
    const value = this.text(name);
    if (value === '') return undefined;
    const parsed = URL.canParse(value) ? new URL(value) : undefined;
    if (parsed?.protocol !== 'http:' && parsed?.protocol !== 'https:') this.fault(name, value, 'an address such as http://127.0.0.1:7070');
    return value;
  }

  address(name: VariableName): string | undefined {
    const value = this.text(name);
    if (value === '') return undefined;
    const octets = value.split('.');
    if (octets.length !== 4 || octets.some((octet) => !/^\d{1,3}$/.test(octet) || Number(octet) > 255))
      this.fault(name, value, 'an IPv4 address, such as 203.0.113.5');
    return value;
  }

  private fault(name: string, value: string, wanted: string): void {
    this.faults.push(`${name} is ${JSON.stringify(value)}, but must be ${wanted}`);
  }
}

function unknown(name: string): string {
  const near = Object.keys(variables)
    .map((known) => ({ known, far: distance(known, name) }))
    .filter(({ far }) => far <= 3)
    .sort((left, right) => left.far - right.far)[0]?.known;
  return `${name} is not a setting${near ? `: did you mean ${near}?` : ' (causeway settings lists them)'}`;
}

/** Edit distance, for names of a few dozen letters. */
function distance(left: string, right: string): number {
  let row = Array.from({ length: right.length + 1 }, (_, index) => index);
  for (let i = 1; i <= left.length; i++) {
    const next = [i];
    for (let j = 1; j <= right.length; j++) {
      const same = left[i - 1] === right[j - 1] ? 0 : 1;
      next.push(Math.min((next[j - 1] as number) + 1, (row[j] as number) + 1, (row[j - 1] as number) + same));
    }
    row = next;
  }
  return row[right.length] as number;
}
