/**
 * Every setting, declared once: name, kind, default, one line of help. The reader of the environment, `causeway settings`, and `docs/settings.md` are
 * made from this table.
 */
export interface Variable {
  readonly kind: 'text' | 'port' | 'ports' | 'seconds' | 'bytes' | 'count' | 'choice' | 'url';
  readonly default: string;
  readonly help: string;
  readonly choices?: readonly string[];
  /** Smallest and largest, in the unit of the kind. */
  readonly range?: readonly [number, number];
}

export const variables = {
  CAUSEWAY_DATA: { kind: 'text', default: './causeway-data', help: 'Folder for files, index and certificate.' },
  CAUSEWAY_OBJECTS_PATH: {
    kind: 'text',
    default: '',
    help: 'Folder for objects, incoming and temporary instead of the data folder, for consumers that run as another user: modes follow the umask.',
  },
  CAUSEWAY_OBJECTS: {
    kind: 'choice',
    choices: ['directory', 's3'],
    default: 'directory',
    help: 'Where files are stored: plain files in the data folder, or objects of an S3 bucket.',
  },
  CAUSEWAY_BUCKET: { kind: 'text', default: '', help: 'S3 bucket; must exist.' },
  CAUSEWAY_S3_ENDPOINT: { kind: 'url', default: '', help: 'Address of an S3-compatible server; empty: AWS.' },
  CAUSEWAY_S3_PROFILE: {
    kind: 'choice',
    choices: ['auto', 'aws', 'versitygw', 'moto', 'r2', 'minio'],
    default: 'auto',
    help: 'What the S3 server can do; auto finds it out with a scratch key at start.',
  },
  CAUSEWAY_S3_KMS_KEY: { kind: 'text', default: '', help: 'KMS key that encrypts new objects; empty: as the bucket says.' },
  CAUSEWAY_S3_STORAGE_CLASS: { kind: 'text', default: '', help: 'Storage class of new objects; empty: STANDARD.' },
  CAUSEWAY_S3_TAGS: { kind: 'text', default: '', help: 'Tags of new objects: name=value&name=value.' },
  CAUSEWAY_PART_SIZE: {
    kind: 'bytes',
    default: '8MiB',
    range: [5242880, 536870912],
    help: 'Size of the first part of an upload to S3; later ones grow, so that large files fit.',
  },
  CAUSEWAY_PARTS_IN_FLIGHT: {
    kind: 'count',
    default: '4',
    range: [1, 32],
    help: 'Parts of one upload on their way to S3 at once; of larger ones fewer, so that they are no more bytes, but two.',
  },
  CAUSEWAY_BUCKET_EVENTS: {
    kind: 'url',
    default: '',
    help: "SQS queue with the bucket's events, so that what others put or delete is seen at once.",
  },
  CAUSEWAY_METADATA: {
    kind: 'choice',
    choices: ['lmdb', 'dynamodb'],
    default: 'lmdb',
    help: 'Where the index and the partners are kept: in the data folder, or in a DynamoDB table.',
  },
  CAUSEWAY_TABLE: { kind: 'text', default: '', help: 'DynamoDB table; must exist.' },
  CAUSEWAY_DYNAMODB_ENDPOINT: { kind: 'url', default: '', help: 'Address of a DynamoDB-compatible server; empty: AWS.' },
  CAUSEWAY_REGION: { kind: 'text', default: '', help: 'AWS region; empty: as the AWS tools find it, else us-east-1 for a given endpoint.' },
  CAUSEWAY_HOST: { kind: 'text', default: '0.0.0.0', help: 'Address to listen on; :: is IPv6 and IPv4.' },
  CAUSEWAY_EXPLICIT_PORT: { kind: 'port', default: '2121', help: 'Control port for explicit TLS (AUTH TLS). 0 takes a free one.' },
  CAUSEWAY_IMPLICIT_PORT: { kind: 'port', default: '9990', help: 'Control port for implicit TLS. 0 takes a free one.' },
  CAUSEWAY_PASSIVE_PORTS: { kind: 'ports', default: '8192-8239', help: 'Passive ports: first-last, or a number of free ones as free:8.' },
  CAUSEWAY_PASV_ADDRESS: {
    kind: 'text',
    default: '',
    help: 'IPv4 address that PASV names, or zone=address,zone=address; empty: the address the client reached.',
  },
  CAUSEWAY_FLEET: {
    kind: 'choice',
    choices: ['off', 'on'],
    default: 'off',
    help: 'On: this server is one task of several behind a load balancer that sends the PROXY protocol (version 2) to the data port.',
  },
  CAUSEWAY_WORKERS: {
    kind: 'count',
    default: '1',
    range: [1, 64],
    help: 'Processes that serve clients, for a server with many cores that keeps its index in the data folder; they share ports and buffers.',
  },
  CAUSEWAY_DATA_PORT: {
    kind: 'port',
    default: '3000',
    help: 'In a fleet: port that takes the data connections of all passive ports. 0 takes a free one.',
  },
  CAUSEWAY_ADMIN_PORT: { kind: 'port', default: '3001', help: 'In a fleet: port that answers GET /healthz. 0 takes a free one.' },
  CAUSEWAY_RELAY_PORT: {
    kind: 'port',
    default: '3002',
    help: 'In a fleet: port where other tasks hand over data connections that are ours. 0 takes a free one.',
  },
  CAUSEWAY_RELAY_ADDRESS: {
    kind: 'text',
    default: '',
    help: 'In a fleet: address under which the other tasks reach this one; empty: as ECS says, else the first of this machine.',
  },
  CAUSEWAY_ZONE: { kind: 'text', default: '', help: 'In a fleet: zone of this task, for CAUSEWAY_PASV_ADDRESS; empty: as ECS says.' },
  CAUSEWAY_CERTIFICATE: {
    kind: 'text',
    default: '',
    help: 'PEM file of the certificate and its chain; empty: <data>/certificate.pem, self-signed when it is missing.',
  },
  CAUSEWAY_KEY: { kind: 'text', default: '', help: 'PEM file of the private key; empty: <data>/key.pem.' },
  CAUSEWAY_CERTIFICATE_ARN: {
    kind: 'text',
    default: '',
    help: 'Exportable certificate of AWS Certificate Manager, fetched at start and every day, instead of the files.',
  },
  CAUSEWAY_CERTIFICATE_SECRET: {
    kind: 'text',
    default: '',
    help: 'Secret of AWS Secrets Manager with certificate, chain and key as PEM, fetched at start and every day, instead of the files.',
  },
  CAUSEWAY_TLS_MIN: { kind: 'choice', choices: ['1.2', '1.3'], default: '1.2', help: 'Lowest TLS version.' },
  CAUSEWAY_TLS_MAX: {
    kind: 'choice',
    choices: ['1.2', '1.3'],
    default: '1.3',
    help: 'Highest TLS version; 1.2 where a partner must resume every data connection.',
  },
  CAUSEWAY_LOG_LEVEL: {
    kind: 'choice',
    choices: ['debug', 'info', 'warn', 'error'],
    default: 'info',
    help: 'Least important log line that is written.',
  },
  CAUSEWAY_LOGIN_TIMEOUT: { kind: 'seconds', default: '30', range: [1, 3600], help: 'A login must be done within this time.' },
  CAUSEWAY_IDLE_TIMEOUT: {
    kind: 'seconds',
    default: '300',
    range: [10, 86400],
    help: 'A session without command or transfer ends after this time.',
  },
  CAUSEWAY_SESSION_TIMEOUT: {
    kind: 'seconds',
    default: '86400',
    range: [60, 604800],
    help: 'No session lasts longer, but a transfer may finish.',
  },
  CAUSEWAY_HANDSHAKE_TIMEOUT: { kind: 'seconds', default: '15', range: [1, 300], help: 'A TLS handshake must be done within this time.' },
  CAUSEWAY_ACCEPT_TIMEOUT: {
    kind: 'seconds',
    default: '60',
    range: [1, 600],
    help: 'How long a passive port is reserved, and a transfer waits for its connection.',
  },
  CAUSEWAY_STALL_TIMEOUT: {
    kind: 'seconds',
    default: '60',
    range: [5, 3600],
    help: 'A transfer without a byte for this time is cut; what was received is kept.',
  },
  CAUSEWAY_DRAIN_TIMEOUT: {
    kind: 'seconds',
    default: '120',
    range: [0, 86400],
    help: 'How long running transfers may finish when the server stops.',
  },
  CAUSEWAY_CLAIM_WAIT: {
    kind: 'seconds',
    default: '60',
    range: [1, 600],
    help: 'How long a change of a path waits for another change of the same path.',
  },
  CAUSEWAY_PARKED_FOR: {
    kind: 'seconds',
    default: '86400',
    range: [60, 604800],
    help: 'How long a cut upload is kept for its owner to continue.',
  },
  CAUSEWAY_SILENT_AFTER: {
    kind: 'seconds',
    default: '5',
    range: [1, 60],
    help: 'An upload without a byte for this time may be continued by another session of its owner.',
  },
  CAUSEWAY_SWEEP_EVERY: {
    kind: 'seconds',
    default: '15',
    range: [1, 3600],
    help: 'How often unfinished work that nobody carries on is looked for.',
  },
  CAUSEWAY_GIVE_UP_AFTER: {
    kind: 'seconds',
    default: '300',
    range: [1, 3600],
    help: 'How long a change whose outcome the store does not confirm is asked for while its client waits; then the sweeper carries it on.',
  },
  CAUSEWAY_KEEP_ALIVE: {
    kind: 'seconds',
    default: '60',
    range: [5, 3600],
    help: 'After this long without a packet TCP asks whether the other side is still there; firewalls forget a connection that is silent for minutes.',
  },
  CAUSEWAY_LINE_LENGTH: {
    kind: 'bytes',
    default: '4096',
    range: [2048, 16384],
    help: 'Longest command line with its line end; a longer one is answered 500, the third of them ends the session.',
  },
  CAUSEWAY_LOGIN_FAILURES: {
    kind: 'count',
    default: '3',
    range: [1, 10],
    help: 'Failed logins of one session before it is closed with 421.',
  },
  CAUSEWAY_STATUS_ENTRIES: {
    kind: 'count',
    default: '1000',
    range: [1, 10000],
    help: 'Largest directory that STAT lists on the control connection; a larger one is answered 450, LIST shows it.',
  },
  CAUSEWAY_RESERVATIONS: {
    kind: 'count',
    default: '',
    range: [1, 5000],
    help: 'Passive ports that one partner at one address may have asked for and not used yet; empty: all but four, or half where that is more. In a fleet a number holds for each task, while all but four are counted over all of them.',
  },
  CAUSEWAY_DEAD_AFTER: {
    kind: 'seconds',
    default: '30',
    range: [6, 600],
    help: 'A task without a heartbeat for this time is dead, and others carry on what it left; the heartbeats come six times as often.',
  },
  CAUSEWAY_SESSIONS_PER_ADDRESS: { kind: 'count', default: '100', range: [1, 100000], help: 'Control connections from one address.' },
  CAUSEWAY_SESSIONS_PER_USER: {
    kind: 'count',
    default: '50',
    range: [1, 100000],
    help: 'Sessions of one partner, unless the partner has a number of his own.',
  },
  CAUSEWAY_LOCKOUT_FAILURES: {
    kind: 'count',
    default: '10',
    range: [1, 1000],
    help: 'Failed logins of one partner from one address before the pair is locked.',
  },
  CAUSEWAY_LOCKOUT_TIME: { kind: 'seconds', default: '1800', range: [1, 604800], help: 'How long such a pair stays locked.' },
  CAUSEWAY_PASSWORD_REMEMBERED: {
    kind: 'seconds',
    default: '600',
    range: [0, 86400],
    help: 'How long a password that was right is not hashed again; 0: hashed at every login.',
  },
  CAUSEWAY_BUFFER_BUDGET: {
    kind: 'bytes',
    default: '',
    range: [5242880, 1099511627776],
    help: 'Memory for bytes on their way to the store; empty: a quarter of the memory, at most 512 MiB.',
  },
  CAUSEWAY_SMALLEST_PART: {
    kind: 'bytes',
    default: '5MiB',
    range: [5242880, 1073741824],
    help: 'Memory that each upload may count on when the budget is short: the budget divided by it is the number of uploads at once.',
  },
  CAUSEWAY_DISK_RESERVE: {
    kind: 'bytes',
    default: '67108864',
    range: [0, 1099511627776],
    help: 'Free space that uploads leave on the disk, so that deletes and the index still work.',
  },
} as const satisfies Record<string, Variable>;

export type VariableName = keyof typeof variables;

/** The table as text, for `causeway settings`. */
export function describeVariables(): string {
  return Object.entries(variables as Record<string, Variable>)
    .map(([name, variable]) => `${name}\n    ${variable.help}\n    default: ${variable.default || '(empty)'}; ${allowed(variable)}\n`)
    .join('');
}

/** The table as a page, for `docs/settings.md`. */
export function settingsPage(): string {
  const lines = Object.entries(variables as Record<string, Variable>).map(
    ([name, variable]) =>
      `| \`${name}\` | ${variable.default === '' ? '' : `\`${variable.default}\``} | ${allowed(variable)} | ${variable.help.replaceAll('<', '&lt;')} |`,
  );
  return `# Settings

The server takes its settings from environment variables; \`causeway settings\` prints this table. All faults are told at once when it starts, and a
\`CAUSEWAY_\` name that is not here is one. Sizes may be written as \`64MiB\`.

| Name | Default | Values | Meaning |
|---|---|---|---|
${lines.join('\n')}
`;
}

/** What may be written, in a word or two. */
function allowed({ kind, choices = [], range }: Variable): string {
  if (kind === 'choice') return choices.join(', ');
  if (kind === 'text') return 'text';
  if (kind === 'url') return 'http or https address';
  if (kind === 'port') return 'port';
  if (kind === 'ports') return 'ports';
  const unit = kind === 'count' ? '' : ` ${kind}`;
  return range ? `${range[0]} to ${range[1]}${unit}` : kind;
}
