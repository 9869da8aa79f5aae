import { createServer } from 'node:net';
import { checkQueue } from './adapters/bucket-events/queue';
import { openDynamo } from './adapters/dynamodb/open-dynamodb';
import { createTable } from './adapters/dynamodb/table';
import { pinoLog } from './adapters/pino-log';
import { randomIds } from './adapters/random-ids';
import { createBucket } from './adapters/s3/create-bucket';
import { openS3Store } from './adapters/s3/open-s3-store';
import { systemClock } from './adapters/system-clock';
import type { Config } from './config/config';
import { warningOfAddress } from './config/private-address';
import { describeConnection, describeDeployedCertificate } from './describe-connection';
import { ownAddresses } from './open-routing';
import { openIndex, openObjects } from './open-stores';
import { explainStart } from './operator/explain-start';
import type { Finding } from './operator/findings';
import { OperatorError } from './operator/operator-error';

/** The part of the composition that looks at an installation instead of running it: can a server with these settings start, and keep its promises? */

/** Makes the bucket and the table that the settings name. Only on servers of one's own: on AWS they carry rights and costs that the stack sets. */
export async function createStores({ objects, metadata }: Config): Promise<Finding[]> {
  const findings: Finding[] = [];
  if (objects.kind === 's3') {
    if (objects.endpoint === undefined) throw new OperatorError('a bucket on AWS is not made here: cdk deploy makes it', 'usage');
    findings.push(await making(`bucket ${objects.bucket}`, () => createBucket(objects)));
  }
  if (metadata.kind === 'dynamodb') {
    if (metadata.endpoint === undefined) throw new OperatorError('a table on AWS is not made here: cdk deploy makes it', 'usage');
    const dynamo = openDynamo(metadata, { clock: systemClock, ids: randomIds, log: quiet });
    try {
      findings.push(await making(`table ${metadata.table}`, () => createTable(dynamo)));
    } finally {
      dynamo.close();
    }
  }
  if (findings.length === 0) throw new OperatorError('there is nothing to make: files and index lie in the data folder', 'usage');
  return findings;
}

/** One that cannot be made does not keep the other from being made, nor from being looked at. */
async function making(subject: string, make: () => Promise<'created' | 'there-already'>): Promise<Finding> {
  try {
    return { level: 'good', subject, text: (await make()) === 'created' ? 'made' : 'is there already' };
  } catch (error) {
    return { level: 'problem', subject, text: messageOf(error) };
  }
}

/** Only what says that something is wrong; the findings say the rest. */
const quiet = pinoLog('error', (line) => process.stderr.write(line));

/** @param deployed Where the server with these settings runs, when that is elsewhere: its ports and its address are no business of this machine then. */
export async function inspect(config: Config, deployed?: string): Promise<Finding[]> {
  const checks = [inspectObjects(config), inspectEvents(config), inspectIndex(config), inspectCertificate(config, deployed)];
  if (deployed === undefined) checks.push(inspectPorts(config));
  const findings = (await Promise.all(checks)).flat();
  const warning =
    typeof config.pasvAddress === 'object' || deployed !== undefined
      ? undefined
      : warningOfAddress({ host: config.host, pasvAddress: config.pasvAddress }, ownAddresses());
  if (warning) findings.push({ level: 'note', subject: 'PASV', text: warning });
  return findings;
}

const messageOf = (error: unknown) => (error as Error).message;

async function inspectObjects(config: Config): Promise<Finding[]> {
  const { objects } = config;
  const undo: (() => unknown)[] = [];
  const surroundings = { clock: systemClock, ids: randomIds, log: quiet, undo };
  const subject = objects.kind === 's3' ? `bucket ${objects.bucket}` : `folder ${config.objectsPath ?? config.data}`;
  try {
    if (objects.kind !== 's3') {
      const store = await openObjects(config, surroundings);
      await store.requireRoom();
      return [{ level: 'good', subject, text: 'can be written' }];
    }
    const opened = await openS3Store({ ...objects, bufferBudget: config.bufferBudget, rights: 'everything' }, surroundings);
    if ('faults' in opened) return opened.faults.map((text) => ({ level: 'problem', subject, text }));
    opened.close();
    const notes = [...opened.report.notes, ...opened.costs].map((text): Finding => ({ level: 'note', subject, text }));
    const largest = Math.floor(opened.store.largestObject / 1024 ** 3);
    return [{ level: 'good', subject, text: `can be used (profile ${opened.profile.name}); files of up to ${largest} GiB` }, ...notes];
  } catch (error) {
    return [{ level: 'problem', subject, text: explainStart(error, config.data) }];
  }
}

async function inspectEvents({ objects }: Config): Promise<Finding[]> {
  if (objects.kind !== 's3' || objects.events === undefined) return [];
  const finding = await checkQueue({ queueUrl: objects.events, region: objects.region });
  return [{ subject: `queue ${objects.events}`, ...finding }];
}

async function inspectIndex(config: Config): Promise<Finding[]> {
  const { metadata } = config;
  const subject = metadata.kind === 'dynamodb' ? `table ${metadata.table}` : `index in ${config.data}`;
  const undo: (() => unknown)[] = [];
  try {
    const { users } = await openIndex(config, { clock: systemClock, ids: randomIds, log: quiet, undo }, false);
    let partners = 0;
    for await (const _ of users.list()) partners++;
    const some: Finding = { level: 'good', subject, text: `can be used; ${partners} partners` };
    return partners > 0 ? [some] : [some, { level: 'note', subject, text: 'no partner is there yet: causeway partner add NAME' }];
  } catch (error) {
    return explainStart(error, config.data)
      .split('\ncauseway: ')
      .map((text) => ({ level: 'problem', subject, text }));
  } finally {
    for (const close of undo.reverse()) await close();
  }
}

/** Days before its end from which a certificate is told about. */
const soon = 14;

async function inspectCertificate(config: Config, deployed: string | undefined): Promise<Finding[]> {
  const subject = deployed === undefined ? 'certificate' : `certificate of ${deployed}`;
  try {
    const { fingerprint, notAfter } = await (deployed === undefined
      ? describeConnection(config, config)
      : describeDeployedCertificate(config, deployed));
    const days = Math.floor((notAfter - systemClock.now()) / 86_400_000);
    if (days < 0) return [{ level: 'problem', subject, text: `has ended ${-days} days ago` }];
    return [{ level: days < soon ? 'note' : 'good', subject, text: `${fingerprint.slice(0, 23)}…, valid for ${days} more days` }];
  } catch (error) {
    // Whoever is not among those that partners may come from cannot see it, and nothing is wrong.
    if (deployed !== undefined) return [{ level: 'note', subject, text: messageOf(error) }];
    const { cause } = error as { cause?: NodeJS.ErrnoException };
    const missing = cause?.code === 'ENOENT' && config.certificate.kind === 'self-signed';
    return [
      missing ? { level: 'note', subject, text: 'the first start makes one' } : { level: 'problem', subject, text: messageOf(error) },
    ];
  }
}

async function inspectPorts({ host, explicitPort, implicitPort, passivePorts, fleet }: Config): Promise<Finding[]> {
  const own = fleet ? [fleet.dataPort, fleet.adminPort, fleet.relayPort] : passivePorts;
  const ports = [...new Set([explicitPort, implicitPort, ...own])].filter((port) => port > 0);
  const taken: number[] = [];
  for (const port of ports) if (!(await isFree(host, port))) taken.push(port);
  const subject = `ports on ${host}`;
  if (taken.length === 0) return [{ level: 'good', subject, text: `${ports.length} free` }];
  return [{ level: 'note', subject, text: `in use, by a server that runs or by something else: ${taken.join(', ')}` }];
}

function isFree(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(true)));
  });
}
