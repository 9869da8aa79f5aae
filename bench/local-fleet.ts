import { X509Certificate } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { connectionSheet, quoteForShell } from '../runtime/operator/connection-sheet';
import { Fleet, type FleetTask } from '../test/support/fleet';
import { FleetAdversary } from '../test/support/fleet-adversary';
import { type FleetStores, openFleetStores } from '../test/support/fleet-stores';

/**
 * `npm run fleet`: a load balancer and several tasks on one machine, as on AWS, for trying clients out and for pulling tasks away under them. The balancer is
 * that of the tests; it does to connections what the real one does, and with `--unfriendly` it also has the worst of luck.
 */
const help = `npm run fleet -- [options]

  --tasks N             how many (3)
  --explicit-port N     (2121)  --implicit-port N  (9990)  --passive-ports FIRST-LAST  (8192-8239); 0 for free ones
  --unfriendly          every data connection reaches a task that does not expect it, every reconnection another task than before,
                        and a task that was taken away still gets connections for two seconds
  --logs                show what the tasks log

Files go to CAUSEWAY_BUCKET and the index to CAUSEWAY_TABLE, with CAUSEWAY_S3_ENDPOINT, CAUSEWAY_DYNAMODB_ENDPOINT and AWS credentials from the environment.
Where these are not set, versitygw and DynamoDB Local are started for it; test/support/servers/install.sh gets them. Clients must be on this machine.
`;

const options = {
  tasks: { type: 'string', default: '3' },
  'explicit-port': { type: 'string', default: '2121' },
  'implicit-port': { type: 'string', default: '9990' },
  'passive-ports': { type: 'string', default: '8192-8239' },
  unfriendly: { type: 'boolean', default: false },
  logs: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const;

const values = readArguments();

function readArguments() {
  try {
    return parseArgs({ options }).values;
  } catch (error) {
    process.stderr.write(`fleet: ${(error as Error).message}\n\n${help}`);
    process.exit(1);
  }
}

// The same sentence from each of them at every start.
process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] ??= 'true';

const mostTasks = 32;
const root = path.join(__dirname, '..');
/** The listeners close at once when the fleet stops: nobody waits for a deregistration here. Seconds. */
const drainTimeout = '15';
const lateDeregistration = 2_000;

/** Undefined: any that are free. */
function readRange(text: string): number[] | undefined {
  if (text === '0') return undefined;
  const found = /^(\d{1,5})-(\d{1,5})$/.exec(text)?.slice(1).map(Number);
  const [first = 0, last = 0] = found ?? [];
  if (first < 1 || last < first || last > 65_535) throw new Error(`--passive-ports is ${text}, but must be FIRST-LAST or 0`);
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}

function readNumber(name: 'tasks' | 'explicit-port' | 'implicit-port', least: number, most: number): number {
  const number = Number(values[name]);
  if (!Number.isInteger(number) || number < least || number > most)
    throw new Error(`--${name} is ${values[name]}, but must be a whole number from ${least} to ${most}`);
  return number;
}

/** What a task may be told by the environment of this program; the ports and addresses are the fleet's own affair. */
function givenSettings(): Record<string, string> {
  const given = Object.entries(process.env).filter(([name]) => /^(CAUSEWAY|AWS)_/.test(name)) as [string, string][];
  return Object.fromEntries(given);
}

function sheetOf(fleet: Fleet): string {
  const { explicitPort, implicitPort, passivePorts, certificate, password } = fleet;
  const { fingerprint256 } = new X509Certificate(readFileSync(certificate));
  const facts = { host: 'localhost', hostIsNamed: true, explicitPort, implicitPort, passivePorts, partner: 'demo', dataFolder: undefined };
  return connectionSheet({
    ...facts,
    stack: undefined,
    password: password || undefined,
    fingerprint: fingerprint256,
    certificateFile: certificate,
  });
}

function operatorLine({ settings }: FleetStores): string {
  const told = Object.entries(settings).filter(([name]) => /METADATA|TABLE|DYNAMODB|^AWS_/.test(name));
  return told.map(([name, value]) => `${name}=${quoteForShell(value)}`).join(' ');
}

function follow(fleet: Fleet, task: FleetTask, stopping: () => boolean): void {
  const { name, server } = task;
  server.process.once('exit', (code, signal) => {
    if (stopping()) return;
    process.stdout.write(`${name} has ended (${signal ?? code}); ${fleet.tasks.length - 1} left\n`);
    void fleet.retire(task);
  });
  if (values.logs)
    server.process.stderr?.on('data', (bytes: Buffer) => process.stderr.write(bytes.toString().replace(/^(?=.)/gm, `${name} `)));
}

async function main(): Promise<void> {
  const tasks = readNumber('tasks', 1, mostTasks);
  const explicitPort = readNumber('explicit-port', 0, 65_535);
  const implicitPort = readNumber('implicit-port', 0, 65_535);
  const passivePorts = readRange(values['passive-ports']);
  if (!existsSync(path.join(root, 'dist/runtime/main.js'))) throw new Error('npm run build comes first');
  const data = mkdtempSync(path.join(tmpdir(), 'causeway-fleet-'));
  const undo: (() => unknown)[] = [() => rmSync(data, { recursive: true, force: true })];
  const stopped = new Promise<string>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => resolve(signal));
  });
  let stopping = false;
  try {
    const given = givenSettings();
    const stores = await openFleetStores(given);
    undo.push(() => stores.stop());
    const adversary = values.unfriendly ? new FleetAdversary() : undefined;
    const fleet = await Fleet.open({
      data,
      tasks,
      explicitPort,
      implicitPort,
      passivePorts,
      settings: { CAUSEWAY_DRAIN_TIMEOUT: drainTimeout, ...given, ...stores.settings },
      ...(adversary ? { choose: adversary.choose, lateDeregistration } : {}),
    });
    undo.push(() => fleet.close('SIGTERM'));
    for (const task of fleet.tasks) follow(fleet, task, () => stopping);
    process.stdout.write(`\nA fleet of ${tasks} is ready: ${stores.text}. ${sheetOf(fleet)}
The tasks, to be pulled away with kill -TERM, -KILL or -STOP:
${fleet.tasks.map(({ name, server, ports }) => `  ${name}: process ${server.process.pid}, http://127.0.0.1:${ports.adminPort}/healthz\n`).join('')}
The operator's commands, such as partner list:
  ${operatorLine(stores)} npx causeway partner list

Ctrl-C stops everything.
`);
    await stopped;
    stopping = true;
    process.stdout.write('\nstopping; transfers may finish for 15 seconds\n');
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void fleet.close('SIGKILL'));
  } finally {
    stopping = true;
    for (const step of undo.reverse()) await step();
  }
}

if (values.help) {
  process.stdout.write(help);
} else {
  main().then(
    () => process.exit(0),
    (error: Error) => {
      process.stderr.write(`fleet: ${error.message}\n`);
      process.exit(1);
    },
  );
}
