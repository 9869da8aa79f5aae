import { fitting } from './fitting-settings';
import { serverVariables } from './server-variables';
import {
  type Check,
  cidr,
  either,
  flag,
  listOf,
  oneOf,
  oneOfNumbers,
  optional,
  privateCidr,
  record,
  tags,
  text,
  wholeNumber,
} from './setting-checks';

/**
 * Every deploy-time knob: what it means, its default, its check. An operator writes some of them into `causeway.config.json`; all faults are told at
 * once, before anything is synthesized, because the next chance to find one is twenty minutes into a deployment.
 *
 * Longer than most files: one interface and one table with a row for each of its fields belong side by side.
 */
export interface Settings {
  /** Name of the stack, and of what `--stack` names on the command line. @default causeway */
  readonly name: string;
  /** DNS name that partners connect to; the certificate is for this name. @default - none, partners use the load balancer's own name */
  readonly hostName?: string;
  /** Public Route 53 zone that the name lies in: the record and the certificate's validation are made there. @default - none, both are made by hand */
  readonly hostedZone?: { readonly id: string; readonly name: string };
  /** Where the certificate comes from: `acm` an exportable one, `secret` a PEM bundle, `self-signed` for a trial. @default acm with a hostName, else self-signed */
  readonly certificate: 'acm' | 'secret' | 'self-signed';
  /** Exportable ACM certificate that exists already. @default - one is made for hostName */
  readonly certificateArn?: string;
  /** Secrets Manager secret with the PEM bundle: key, certificate, chain. @default - none; needed with certificate secret */
  readonly certificateSecretArn?: string;

  /** Availability zones: each has an elastic IP and at least one task. @default 2 */
  readonly zones: 1 | 2 | 3;
  /** `public`: tasks have public addresses, reachable only from the load balancer. `isolated`: they have none, and use interface endpoints. @default public */
  readonly network: 'public' | 'isolated';
  /** Block of the VPC that is made. @default 10.71.0.0/20 */
  readonly vpcCidr: string;
  /** VPC that exists already. Its subnets are listed in the order of its zones; taskSubnetIds may be the public ones with network public. @default - one is made */
  readonly vpc?: ExistingVpc;
  /** Elastic IPs that exist already, one per zone, in the order of the zones. @default - they are made, and retained when the stack goes */
  readonly addresses?: readonly { readonly allocationId: string; readonly address: string }[];
  /** Blocks that partners may connect from. @default everywhere */
  readonly partnerCidrs: readonly string[];
  /** Log of accepted and rejected flows of the VPC that is made. @default true */
  readonly flowLogs: boolean;

  /** CPU units of a task, 1024 is one vCPU. One server process uses one core. @default 1024 */
  readonly cpu: 256 | 512 | 1024 | 2048 | 4096;
  /** Memory of a task in MiB; a quarter of it, at most 512 MiB, holds bytes on their way to S3. @default 2048 */
  readonly memory: number;
  /** Processor of the tasks. @default arm64 */
  readonly architecture: 'arm64' | 'x86_64';
  /** Fewest tasks. @default one per zone */
  readonly tasks: number;
  /** Most tasks. @default four per zone */
  readonly tasksMax: number;
  /** Average CPU in percent that scaling aims at. @default 60 */
  readonly scaleAtCpu: number;
  /** Average of running transfers per task that scaling aims at. @default 20 */
  readonly scaleAtTransfers: number;
  /** Allows `aws ecs execute-command`; the root file system is then writable. @default false */
  readonly execute: boolean;
  /** Container Insights of the cluster, a paid feature. @default false */
  readonly containerInsights: boolean;

  /** Bucket that exists already; it must send its events to EventBridge. @default - one is made, and retained when the stack goes */
  readonly bucket?: string;
  /** `aws`: keys of S3 and DynamoDB. `kms`: a key of yours, for bucket, table, queues, topic and logs. @default aws */
  readonly encryption: 'aws' | 'kms';
  /** KMS key that exists already; its policy must let the services of this stack use it. @default - with encryption kms one is made */
  readonly keyArn?: string;
  /** Object Lock of the bucket that is made: nobody can remove a version for so many days. @default off */
  readonly objectLock: 'off' | { readonly mode: 'governance' | 'compliance'; readonly days: number };
  /** Storage class of uploads. @default - the bucket's */
  readonly storageClass?: string;
  /** Tags of every object, as key=value&key=value. @default - none */
  readonly objectTags?: string;
  /** Days after which an unfinished multipart upload is ended. Above the longest time that a cut upload is kept for its partner. @default 8 */
  readonly unfinishedUploadDays: number;
  /** Days that overwritten and deleted versions are kept. @default 30 */
  readonly oldVersionDays: number;
  /** Server access log of the bucket that is made. @default true */
  readonly accessLogs: boolean;
  /** The table cannot be deleted, by nobody. Set false and deploy before removing the stack for good. @default true */
  readonly deletionProtection: boolean;

  /** Days that logs are kept. @default 90 */
  readonly logDays: (typeof retentions)[number];
  /** Address that alarms are mailed to; AWS asks it to confirm. @default - none, subscribe to the topic yourself */
  readonly alarmEmail?: string;
  /** Settings of the server itself, by the names of docs/settings.md. @default - its own defaults */
  readonly server: Readonly<Record<string, string>>;
}

export interface ExistingVpc {
  readonly id: string;
  readonly availabilityZones: readonly string[];
  readonly publicSubnetIds: readonly string[];
  readonly taskSubnetIds: readonly string[];
}

/** What CloudWatch takes. */
export const retentions = [
  1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
] as const;

const storageClasses = ['STANDARD', 'INTELLIGENT_TIERING', 'STANDARD_IA', 'ONEZONE_IA', 'GLACIER_IR'] as const;
const hostName = text(
  /^(?=.{4,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}$/,
  'a DNS name in lower case such as ftps.example.com',
);
const zoneName = text(/^[a-z]{2}(-[a-z]+)+-\d[a-z]$/, 'a zone such as eu-central-1a');
/** Policies name it as it is written here, and a policy that names something else, an alias for instance, allows nothing. */
const arn = (service: string, resource: RegExp, example: string) =>
  text(
    new RegExp(`^arn:aws[a-z-]*:${service}:[a-z0-9-]+:\\d{12}:(?:${resource.source})$`),
    `an ARN such as arn:aws:${service}:eu-central-1:111122223333:${example}`,
  );
const uuid = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/.source;
const subnet = text(/^subnet-[0-9a-f]{8,17}$/, 'a subnet such as subnet-0a1b2c3d');
const address = text(/^((25[0-5]|2[0-4]\d|1?\d?\d)(\.(?!$)|$)){4}$/, 'an IPv4 address');

type Row<T> = readonly [defaultValue: T | undefined, check: Check<T>];

const rows: { readonly [K in keyof Required<Settings>]: Row<Settings[K]> } = {
  name: ['causeway', text(/^[a-z][a-z0-9-]{0,39}$/, 'up to 40 lower-case letters, digits and hyphens, first a letter')],
  hostName: [undefined, optional(hostName)],
  hostedZone: [undefined, optional(record({ id: text(/^Z[A-Z0-9]{5,31}$/, 'a zone id such as Z0123456789ABC'), name: hostName }))],
  certificate: ['self-signed', oneOf('acm', 'secret', 'self-signed')],
  certificateArn: [undefined, optional(arn('acm', new RegExp(`certificate/${uuid}`), 'certificate/1234abcd-12ab-34cd-56ef-1234567890ab'))],
  certificateSecretArn: [undefined, optional(arn('secretsmanager', /secret:[\w/+=.@-]{1,512}-[A-Za-z0-9]{6}/, 'secret:ftps-AbCdEf'))],
  zones: [2, oneOfNumbers(1, 2, 3)],
  network: ['public', oneOf('public', 'isolated')],
  vpcCidr: ['10.71.0.0/20', privateCidr(16, 24)],
  vpc: [
    undefined,
    optional(
      record<ExistingVpc>({
        id: text(/^vpc-[0-9a-f]{8,17}$/, 'a VPC such as vpc-0a1b2c3d'),
        availabilityZones: listOf(zoneName, 1, 3),
        publicSubnetIds: listOf(subnet, 1, 3),
        taskSubnetIds: listOf(subnet, 1, 3),
      }),
    ),
  ],
  addresses: [
    undefined,
    optional(listOf(record({ allocationId: text(/^eipalloc-[0-9a-f]{8,17}$/, 'an allocation such as eipalloc-0a1b2c3d'), address }), 1, 3)),
  ],
  partnerCidrs: [['0.0.0.0/0'], listOf(cidr(0, 32), 1, 50)],
  flowLogs: [true, flag],
  cpu: [1024, oneOfNumbers(256, 512, 1024, 2048, 4096)],
  memory: [2048, wholeNumber(512, 30_720)],
  architecture: ['arm64', oneOf('arm64', 'x86_64')],
  tasks: [undefined, wholeNumber(1, 100)],
  tasksMax: [undefined, wholeNumber(1, 100)],
  scaleAtCpu: [60, wholeNumber(10, 90)],
  scaleAtTransfers: [20, wholeNumber(1, 1_000)],
  execute: [false, flag],
  containerInsights: [false, flag],
  bucket: [undefined, optional(text(/^(?!(\d+\.){3}\d+$)(?!.*\.\.)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, 'the name of a bucket'))],
  encryption: ['aws', oneOf('aws', 'kms')],
  keyArn: [undefined, optional(arn('kms', new RegExp(`key/(?:${uuid}|mrk-[0-9a-f]{32})`), 'key/1234abcd-12ab-34cd-56ef-1234567890ab'))],
  objectLock: ['off', either(oneOf('off'), record({ mode: oneOf('governance', 'compliance'), days: wholeNumber(1, 36_500) }))],
  storageClass: [undefined, optional(oneOf(...storageClasses))],
  objectTags: [undefined, optional(tags)],
  unfinishedUploadDays: [8, wholeNumber(7, 365)],
  oldVersionDays: [30, wholeNumber(1, 3_650)],
  accessLogs: [true, flag],
  deletionProtection: [true, flag],
  logDays: [90, oneOfNumbers(...retentions)],
  alarmEmail: [undefined, optional(text(/^[^\s@]+@[^\s@]+\.[^\s@]+$/, 'a mail address'))],
  server: [{}, serverVariables],
};

export const settingNames = Object.keys(rows) as readonly (keyof Settings)[];

/** The default as the documentation prints it; what follows from another setting has none here. */
export function defaultOf(name: keyof Settings): unknown {
  return rows[name][0];
}

/** What an operator wrote, to settings that fit together, or an error that names every fault. */
export function readSettings(written: Readonly<Record<string, unknown>>): Settings {
  const faults: string[] = [];
  for (const name of Object.keys(written))
    if (!Object.hasOwn(rows, name)) faults.push(`${name} is not a setting; settings are ${settingNames.join(', ')}`);
  const set = Object.fromEntries(Object.entries(written).filter(([, value]) => value !== undefined && value !== null));
  const given: Readonly<Record<string, unknown>> = { ...derivedDefaults(set), ...set };
  const parsed: Record<string, unknown> = {};
  const sound = new Set<keyof Settings>();
  for (const name of settingNames) {
    const [defaultValue, check] = rows[name] as Row<unknown>;
    const value = given[name] ?? defaultValue;
    const verdict = check(value);
    if ('wanted' in verdict) faults.push(`${name} is ${shown(value)}, but must be ${verdict.wanted}`);
    else {
      parsed[name] = verdict.value;
      sound.add(name);
    }
  }
  const settings = parsed as unknown as Settings;
  // What is wrong alone has been told, and is not compared.
  for (const { of, faultsOf } of fitting)
    if (of.every((name) => sound.has(name))) faults.push(...faultsOf(settings, (name) => settings[name] !== defaultOf(name)));
  if (faults.length > 0)
    throw new Error(`the settings have ${faults.length === 1 ? 'a fault' : `${faults.length} faults`}:\n- ${faults.join('\n- ')}`);
  return settings;
}

const longestShown = 200;

function shown(value: unknown): string {
  const written = JSON.stringify(value);
  return written.length > longestShown ? `${written.slice(0, longestShown)}…` : written;
}

/** What follows from a setting follows only from one that is right: a fault is told once. */
function derivedDefaults(written: Readonly<Record<string, unknown>>): Partial<Record<keyof Settings, unknown>> {
  const sound = (name: 'zones' | 'tasks'): number | undefined => {
    const verdict = (rows[name] as Row<number>)[1](written[name]);
    return 'value' in verdict ? verdict.value : undefined;
  };
  const zones = sound('zones') ?? 2;
  const tasks = sound('tasks') ?? zones;
  return { certificate: written['hostName'] === undefined ? 'self-signed' : 'acm', tasks: zones, tasksMax: Math.max(tasks, 4 * zones) };
}
