import { type ChildProcess, fork } from 'node:child_process';
import { hostname } from 'node:os';
import path from 'node:path';
import { pinoLog } from './adapters/pino-log';
import { availableMemory } from './adapters/process-identity';
import { randomIds } from './adapters/random-ids';
import { needsFolder, type RunningServer, startServer } from './compose';
import { type Config, readConfig } from './config/config';
import { describeConnection } from './describe-connection';
import { makeFolder, ownMode } from './open-stores';
import { startPrimary, startWorker } from './open-workers';
import { connectionSheet } from './operator/connection-sheet';
import { explainStart } from './operator/explain-start';
import { generatePassword } from './operator/passwords';
import type { Log } from './ports/log';
import type { PipeEnd } from './routing/worker-channel';

/** The server process: environment in, connection sheet out, signals, exit code. */

// What Node may be is said by package.json and checked by npm; the SDK would say it at every start and every command, for `cli.ts` comes by here too.
process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] ??= 'true';

const exitCodes = { drained: 0, cannotStart: 1, usage: 2, secondInterrupt: 130 } as const;
const firstPartner = 'demo';

export async function main(): Promise<void> {
  const { config, log } = begin();
  try {
    if (needsFolder(config)) makeFolder(config.data, ownMode);
    log.info('server.start', { data: path.resolve(config.data), node: process.version });
    const starting = config.workers > 1 ? startPrimary(config, hostname(), log, forkWorker) : startServer(config, hostname(), log);
    stopOnSignal(starting, log);
    await printSheet(config, await starting);
  } catch (error) {
    fail(exitCodes.cannotStart, explainStart(error, config.data));
  }
}

/** The settings, and what every process of the server does with an error that nobody caught. */
function begin(): { readonly config: Config; readonly log: Log } {
  if (process.platform === 'win32') {
    fail(exitCodes.cannotStart, 'Windows is not supported directly: run it inside WSL');
  }
  const config = readConfig(process.env, availableMemory());
  if ('faults' in config) fail(exitCodes.usage, config.faults.join('\ncauseway: '));
  const log = pinoLog(config.logLevel, (line) => process.stderr.write(line));
  // Whoever read them has gone: a log that nobody wants ends no transfer.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
  process.on('uncaughtException', (cause) => {
    log.error('server.fatal', { cause });
    process.exit(exitCodes.cannotStart);
  });
  process.on('unhandledRejection', (cause) => {
    log.error('server.fatal', { cause });
    process.exit(exitCodes.cannotStart);
  });
  // Node would write several lines of plain text into the log.
  process.removeAllListeners('warning');
  process.on('warning', (cause) => log.warn('server.warning', { text: cause.message, cause }));
  return { config, log };
}

const workerArgument = 'worker';

function forkWorker(task: string): ChildProcess {
  return fork(__filename, [workerArgument, task]);
}

/** This process is a worker: its primary says when to stop, and without it nothing here is ours any more. */
async function work(task: string): Promise<void> {
  process.on('disconnect', () => process.exit(exitCodes.cannotStart));
  // Node listens once for each port whose connections are handed over.
  process.setMaxListeners(0);
  // A terminal sends Ctrl-C to the workers too, and a host its SIGTERM to all of a container.
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => undefined);
  const { config, log: plain } = begin();
  const log = plain.with({ worker: process.pid });
  const starting = startWorker(config, { hostName: hostname(), log, pipe: process as unknown as PipeEnd, task, onDrained: process.exit });
  process.on('SIGHUP', () => {
    starting.then(
      (worker) => worker.reloadCertificate(),
      // Told below.
      () => undefined,
    );
  });
  try {
    await starting;
  } catch (error) {
    fail(exitCodes.cannotStart, explainStart(error, config.data));
  }
}

/** A first partner on the first start, with a password that is shown this once; not in a table on AWS, which several tasks start on and others read. */
async function printSheet(config: Config, server: RunningServer): Promise<void> {
  let partners = await server.partners.list();
  let password: string | undefined;
  if (partners.length === 0) {
    if (config.metadata.kind === 'dynamodb' && config.metadata.endpoint === undefined) {
      process.stdout.write(
        '\nCauseway is ready. There is no partner yet; with the same settings, `npx causeway partner add NAME` makes one.\n',
      );
      return;
    }
    password = generatePassword(randomIds);
    try {
      await server.partners.add(firstPartner, password);
    } catch (error) {
      // Of two servers that start on one empty table the other one was first, and shows the password.
      partners = await server.partners.list();
      if (partners.length === 0) throw error;
      password = undefined;
    }
  }
  const partner = partners.find(({ name }) => name === firstPartner)?.name ?? partners[0]?.name ?? firstPartner;
  const facts = { ...(await describeConnection(config, server)), partner, password };
  process.stdout.write(`\nCauseway is ready. ${connectionSheet(facts)}`);
}

/** Also while it still starts: what was opened is closed in order. */
function stopOnSignal(starting: Promise<RunningServer>, log: Log): void {
  let stopping = false;
  const stop = async (signal: string) => {
    if (stopping) {
      if (signal === 'SIGINT') process.exit(exitCodes.secondInterrupt);
      return;
    }
    stopping = true;
    try {
      await (await starting).drain();
      log.info('server.stop', { text: signal });
      process.exit(exitCodes.drained);
    } catch (cause) {
      log.error('server.fatal', { cause });
      process.exit(exitCodes.cannotStart);
    }
  };
  process.on('SIGTERM', () => void stop('SIGTERM'));
  process.on('SIGINT', () => void stop('SIGINT'));
  process.on('SIGHUP', () => {
    starting.then(
      (server) => server.reloadCertificate(),
      // `main` tells why it did not start.
      () => undefined,
    );
  });
}

function fail(code: number, text: string): never {
  process.stderr.write(`causeway: ${text}\n`);
  process.exit(code);
}

if (require.main === module) {
  const [, , role, task] = process.argv;
  void (role === workerArgument && task !== undefined ? work(task) : main());
}
