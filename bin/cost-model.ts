/**
 * What a month costs, line by line. Storage and the way to the internet are left out: they are the same for every server in front of S3. Prices of
 * us-east-1 in autumn 2026, in USD; the page of each service is the truth.
 */
export interface Usage {
  readonly gb: number;
  readonly files: number;
  readonly zones: number;
  readonly tasks: number;
  /** vCPU and GB of one task. */
  readonly cpu: number;
  readonly memory: number;
  readonly architecture: 'arm64' | 'x86_64';
  readonly network: 'public' | 'isolated';
  readonly certificate: 'acm' | 'secret' | 'self-signed';
  readonly encryption: 'aws' | 'kms';
}

export interface CostLine {
  readonly name: string;
  readonly usd: number;
}

export const defaultUsage: Usage = {
  gb: 0,
  files: 0,
  zones: 2,
  tasks: 2,
  cpu: 1,
  memory: 2,
  architecture: 'arm64',
  network: 'public',
  certificate: 'acm',
  encryption: 'aws',
};

const hours = 730;
const million = 1_000_000;

const price = {
  vcpuHour: { arm64: 0.03238, x86_64: 0.04048 },
  gbHour: { arm64: 0.00356, x86_64: 0.004445 },
  balancerHour: 0.0225,
  /** One unit is a GB. */
  balancerUnit: 0.006,
  addressHour: 0.005,
  endpointHour: 0.01,
  /** 7 at each issue, and the certificate is renewed after 153 days of its 198. */
  certificateMonth: (7 * 365) / 153 / 12,
  secretMonth: 0.4,
  keyMonth: 1,
  metricMonth: 0.3,
  alarmMonth: 0.1,
  logGb: 0.5,
  s3Request: 5 / million,
  tableWrite: 0.625 / million,
  tableRead: 0.125 / million,
  event: 1 / million,
  pipeRequest: 0.4 / million,
  queueRequest: 0.4 / million,
  functionRequest: 0.2 / million,
  functionGbSecond: 0.0000133334,
  transferHour: 0.3,
  transferGb: 0.04,
} as const;

/** What one upload causes besides its bytes; the transactions of its commit count twice. */
const perFile = { tableWrites: 8, tableReads: 8, logBytes: 3_000, queueRequests: 3, syncGbSeconds: 0.05 } as const;
const partBytes = 8 * 1024 * 1024;
const metrics = 27;
const alarms = 19;
/** One for each metric that it looks at: the tasks of each zone, and two where events may have stopped. */
const alarmMetrics = (zones: number) => alarms + (zones - 1) + 1;
/** Images, image layers, logs, and where the certificate comes from. */
const interfaceEndpoints = ({ certificate }: Usage) => (certificate === 'self-signed' ? 3 : 4);

export function monthlyCost(usage: Usage): CostLine[] {
  const { gb, files, zones, tasks, cpu, memory, architecture, network, certificate, encryption } = usage;
  const endpoints = interfaceEndpoints(usage);
  const lines: CostLine[] = [
    {
      name: `${tasks} tasks, ${cpu} vCPU and ${memory} GB each`,
      usd: tasks * hours * (cpu * price.vcpuHour[architecture] + memory * price.gbHour[architecture]),
    },
    { name: 'load balancer', usd: hours * price.balancerHour + gb * price.balancerUnit },
    { name: `${zones} elastic IPs`, usd: zones * hours * price.addressHour },
    network === 'public'
      ? { name: `${tasks} addresses of tasks`, usd: tasks * hours * price.addressHour }
      : { name: `${endpoints} endpoints in ${zones} zones`, usd: endpoints * zones * hours * price.endpointHour },
    { name: 'certificate', usd: certificate === 'acm' ? price.certificateMonth : certificate === 'secret' ? price.secretMonth : 0 },
    { name: `${metrics} metrics, ${alarms} alarms`, usd: metrics * price.metricMonth + alarmMetrics(zones) * price.alarmMonth },
    ...(encryption === 'kms' ? [{ name: 'key', usd: price.keyMonth }] : []),
    { name: 'S3 requests', usd: files * requestsOf(files > 0 ? (gb * 1e9) / files : 0) * price.s3Request },
    { name: 'DynamoDB', usd: files * (perFile.tableWrites * price.tableWrite + perFile.tableReads * price.tableRead) },
    { name: 'logs', usd: ((files * perFile.logBytes) / 1e9) * price.logGb },
    {
      name: 'events and index sync',
      usd:
        files *
        (2 * price.event +
          price.pipeRequest +
          perFile.queueRequests * price.queueRequest +
          2 * price.functionRequest +
          perFile.syncGbSeconds * price.functionGbSecond),
    },
  ];
  return lines;
}

export function totalOf(lines: readonly CostLine[]): number {
  return lines.reduce((sum, { usd }) => sum + usd, 0);
}

/** The managed service with one protocol, for comparison. */
export function transferFamilyCost({ gb }: Pick<Usage, 'gb'>): number {
  return hours * price.transferHour + gb * price.transferGb;
}

/** One put for what fits a part; else begin, parts, complete, and the look at what lies there. */
function requestsOf(bytes: number): number {
  return bytes <= partBytes ? 1 : Math.ceil(bytes / partBytes) + 3;
}
