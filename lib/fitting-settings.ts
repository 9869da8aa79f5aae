import { serverFaults } from './server-variables';
import type { Settings } from './settings';

/** What settings must be to each other, each rule with the settings that it looks at: it is asked only when each of them is right alone. */
export interface Fitting {
  readonly of: readonly (keyof Settings)[];
  readonly faultsOf: (settings: Settings, changed: Changed) => readonly string[];
}

/** Whether it is other than its default: a wish that nothing would follow from is a fault, a default is not. */
export type Changed = (name: keyof Settings) => boolean;

/** Memory that Fargate takes with each size of CPU, in MiB: from, to, in steps of 1,024 above 1,024. */
const memories: Readonly<Record<Settings['cpu'], readonly [least: number, most: number]>> = {
  256: [512, 2_048],
  512: [1_024, 4_096],
  1024: [2_048, 8_192],
  2048: [4_096, 16_384],
  4096: [8_192, 30_720],
};

const mebibyte = 1024 * 1024;

export const fitting: readonly Fitting[] = [
  rule(['cpu', 'memory'], ({ cpu, memory }) => {
    const [least, most] = memories[cpu];
    return (
      (memory < least || memory > most || (memory % 1_024 !== 0 && memory !== 512)) &&
      `memory is ${memory}, but with cpu ${cpu} must be from ${least} to ${most} in steps of 1024`
    );
  }),
  rule(
    ['zones', 'tasks'],
    ({ zones, tasks }) =>
      tasks < zones && `tasks is ${tasks}, but must be at least zones (${zones}): the load balancer leaves a zone without a task`,
  ),
  rule(
    ['tasks', 'tasksMax'],
    ({ tasks, tasksMax }) => tasksMax < tasks && `tasksMax is ${tasksMax}, but must be at least tasks (${tasks})`,
  ),
  rule(
    ['zones', 'addresses'],
    ({ zones, addresses }) =>
      addresses !== undefined &&
      addresses.length !== zones &&
      `addresses has ${addresses.length} entries, but must have one per zone (${zones})`,
  ),
  rule(['addresses'], ({ addresses = [] }) => [
    repeated(
      'allocationId',
      addresses.map(({ allocationId }) => allocationId),
    ),
    repeated(
      'address',
      addresses.map(({ address }) => address),
    ),
  ]),
  rule(['zones', 'vpc'], ({ zones, vpc }) =>
    (['availabilityZones', 'publicSubnetIds', 'taskSubnetIds'] as const).map(
      (list) =>
        vpc !== undefined &&
        vpc[list].length !== zones &&
        `vpc.${list} has ${vpc[list].length} entries, but must have one per zone (${zones})`,
    ),
  ),
  rule(['vpc'], ({ vpc }) => {
    const regions = new Set(vpc?.availabilityZones.map((zone) => zone.slice(0, -1)));
    return regions.size > 1 && `vpc.availabilityZones are of ${[...regions].join(' and ')}, but must be of one region`;
  }),
  rule(
    ['vpc', 'vpcCidr'],
    ({ vpc, vpcCidr }) =>
      vpc !== undefined && vpcCidr !== '10.71.0.0/20' && 'vpcCidr is set, but with vpc none is made that it could be of',
  ),
  rule(['certificate', 'hostName', 'certificateArn', 'certificateSecretArn'], (settings) => {
    const { certificate, hostName, certificateArn, certificateSecretArn } = settings;
    return [
      certificate === 'acm' && !hostName && !certificateArn && 'certificate is "acm", but hostName or certificateArn is not set',
      certificate === 'secret' && !certificateSecretArn && 'certificate is "secret", but certificateSecretArn is not set',
      certificate !== 'secret' &&
        certificateSecretArn !== undefined &&
        `certificateSecretArn is set, but certificate is "${certificate}", and must be "secret"`,
      certificate !== 'acm' &&
        certificateArn !== undefined &&
        `certificateArn is set, but certificate is "${certificate}", and must be "acm"`,
    ];
  }),
  rule(['hostedZone', 'hostName'], ({ hostedZone, hostName }) => {
    if (hostedZone === undefined) return [];
    if (hostName === undefined) return 'hostedZone is set, but hostName is not';
    return !isWithin(hostName, hostedZone.name) && `hostName is "${hostName}", but must lie in hostedZone "${hostedZone.name}"`;
  }),
  rule(
    ['keyArn', 'encryption'],
    ({ keyArn, encryption }) => keyArn !== undefined && encryption !== 'kms' && 'keyArn is set, but encryption is "aws", and must be "kms"',
  ),
  rule(['bucket', 'objectLock', 'unfinishedUploadDays', 'oldVersionDays'], ({ bucket }, changed) =>
    bucket === undefined
      ? []
      : [
          changed('objectLock') && 'objectLock is set, but with an existing bucket must be "off": the bucket has its own',
          changed('unfinishedUploadDays') && 'unfinishedUploadDays is set, but an existing bucket has lifecycle rules of its own',
          changed('oldVersionDays') && 'oldVersionDays is set, but an existing bucket has lifecycle rules of its own',
        ],
  ),
  rule(['server', 'memory'], ({ server, memory }) => serverFaults(server, memory * mebibyte)),
];

type Told = string | false | undefined;

function rule(of: Fitting['of'], tell: (settings: Settings, changed: Changed) => Told | readonly Told[]): Fitting {
  return { of, faultsOf: (...given) => [tell(...given)].flat().filter((told): told is string => typeof told === 'string') };
}

function repeated(field: string, values: readonly string[]): Told {
  const twice = values.find((value, index) => values.indexOf(value) < index);
  return twice !== undefined && `addresses has the ${field} ${twice} twice`;
}

function isWithin(name: string, zone: string): boolean {
  return name === zone || name.endsWith(`.${zone}`);
}
