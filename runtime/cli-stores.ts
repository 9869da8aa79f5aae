import path from 'node:path';
import type { Command } from 'commander';
import { openFilesystem } from './compose';
import type { Config } from './config/config';
import { createStores, inspect } from './inspect';
import { explainStart } from './operator/explain-start';
import { distinct, findingsAsText } from './operator/findings';
import { type ImportOutcome, importFolder } from './operator/import-folder';
import { OperatorError } from './operator/operator-error';
import { type ProgressBar, progressBar } from './operator/progress-bar';
import { directoriesOf, nothingCompared, reconcileAll } from './operator/reconcile-homes';

/** The commands that look at the stores and put them right: doctor, reconcile, import. */
export interface CommandTools {
  configuration(): Config;
  print(options: { readonly json?: boolean }, value: unknown, text: string): void;
  withJson(command: Command): Command;
}

type StoresOpened = Awaited<ReturnType<typeof openFilesystem>>;

export interface StoreCommandTools extends CommandTools {
  /** What partners connect to, where the command works on a server that runs elsewhere. */
  deployedHost(): string | undefined;
}

export function addStoreCommands(program: Command, tools: StoreCommandTools): void {
  addDoctor(program, tools);
  addReconcile(program, tools);
  addImport(program, tools);
}

function addDoctor(program: Command, { configuration, print, withJson, deployedHost }: StoreCommandTools): void {
  withJson(program.command('doctor'))
    .option('--create', 'make the bucket and the table first, on servers of your own')
    .description('check that a server with these settings can start and keep its promises')
    .addHelpText(
      'after',
      '\nExamples:\n  causeway doctor\n  CAUSEWAY_OBJECTS=s3 CAUSEWAY_BUCKET=files CAUSEWAY_S3_ENDPOINT=http://127.0.0.1:7070 causeway doctor --create\n\nExit code 1: there is a problem.',
    )
    .action(async (options: { json?: boolean; create?: boolean }) => {
      const config = configuration();
      const findings = distinct([...(options.create ? await createStores(config) : []), ...(await inspect(config, deployedHost()))]);
      print(options, findings, findingsAsText(findings));
      if (findings.some(({ level }) => level === 'problem')) process.exitCode = 1;
    });
}

async function withStores<T>(config: Config, work: (stores: StoresOpened) => Promise<T>): Promise<T> {
  const stores = await openFilesystem(config).catch((error: unknown) => {
    throw new OperatorError(explainStart(error, config.data), 'failed', { cause: error });
  });
  try {
    return await work(stores);
  } finally {
    await stores.close();
  }
}

const drawProgress = (unit: string): ProgressBar => progressBar(process.stderr, unit, () => performance.now());

const interrupted = 130;

/** The first Ctrl-C ends a long command where nothing is half done, the second one at once. */
function untilInterrupted(): AbortSignal {
  const controller = new AbortController();
  process.once('SIGINT', () => {
    process.stderr.write('\nending with what has begun; again: at once\n');
    controller.abort();
  });
  return controller.signal;
}

/** As a shell reads it back. */
const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

function addReconcile(program: Command, { configuration, print, withJson }: CommandTools): void {
  withJson(program.command('reconcile'))
    .option('--dry-run', 'only report')
    .option('--prefix <home/path>', 'only what lies below this directory of a home')
    .option('--after <place>', 'go on behind this place, which a run that was broken off has told')
    .description('compare index and store, and make the index equal to what is stored')
    .addHelpText(
      'after',
      '\nExamples:\n  causeway reconcile --dry-run\n  causeway reconcile --prefix acme/2025\n\nExit code 1: something differed that could not be put right, or was only reported; 130: interrupted, and told where to go on.',
    )
    .action(async (options: ReconcileCommandOptions, command: Command) => {
      const bar = drawProgress('files');
      await withStores(configuration(), async ({ fs, users }) => {
        const { prefix, after, dryRun } = options;
        const directories = await directoriesOf(fs, users, prefix);
        const signal = untilInterrupted();
        const report = { ...nothingCompared };
        try {
          await reconcileAll(fs, directories, { repair: !dryRun, after, signal }, report, (step) => {
            bar.advance(0, step.key);
            if (!step.drift) return;
            bar.clear();
            // The JSON is one value, and a store may have millions of keys: beside it, as import tells its files.
            const told = options.json ? process.stderr : process.stdout;
            told.write(`${step.drift}  ${JSON.stringify(step.key)}${step.repaired ? `  ${step.repaired}` : ''}\n`);
          });
        } finally {
          bar.clear();
          const { stack } = command.optsWithGlobals<{ stack?: string }>();
          const place = report.last ?? after;
          const again = [stack && `--stack ${quoted(stack)}`, dryRun && '--dry-run', prefix && `--prefix ${quoted(prefix)}`];
          const words = ['causeway reconcile', ...again, place && `--after ${quoted(place)}`].filter(Boolean);
          const rest = report.finished ? '' : `go on with: ${words.join(' ')}\n`;
          print(options, report, `${report.compared} files compared, ${report.drifts} differ, ${report.repaired} put right\n${rest}`);
          if (report.left > 0) process.exitCode = 1;
          if (!report.finished && signal.aborted) process.exitCode = interrupted;
        }
      });
    });
}

interface ReconcileCommandOptions {
  readonly json?: boolean;
  readonly dryRun?: boolean;
  readonly prefix?: string;
  readonly after?: string;
}

const whole = (text: string, name: string): number => {
  if (!/^[1-9]\d{0,2}$/.test(text)) throw new OperatorError(`${name} must be a number from 1 to 999`, 'usage');
  return Number(text);
};

function addImport(program: Command, { configuration, print, withJson }: CommandTools): void {
  withJson(program.command('import <folder>'))
    .requiredOption('--partner <name>', 'whose files they become')
    .option('--to <path>', 'directory of the partner that they go into', '/')
    .option('--parallel <n>', 'files at once', '4')
    .option('--overwrite', 'replace files that are there with other bytes')
    .option('--dry-run', 'only tell what would be done')
    .description('load the files of a folder into store and index, each whole and verified; run again, it goes on where it was')
    .addHelpText(
      'after',
      '\nExample:\n  causeway import /srv/ftp/acme --partner acme --to /archive\n\nExit code 1: some files were not imported.',
    )
    .action(async (folder: string, options: ImportCommandOptions) => {
      const parallel = whole(options.parallel, '--parallel');
      const bar = drawProgress('files');
      await withStores(configuration(), async ({ fs, users }) => {
        const partner = (await users.find(options.partner))?.user;
        if (!partner) throw new OperatorError(`there is no partner ${options.partner}`);
        const { overwrite = false, dryRun = false, to } = options;
        const counts: Record<ImportOutcome, number> = { imported: 0, present: 0, differs: 0, ignored: 0, failed: 0 };
        const signal = untilInterrupted();
        try {
          for await (const step of importFolder(fs, partner, { folder: path.resolve(folder), to, parallel, overwrite, dryRun, signal })) {
            counts[step.outcome]++;
            bar.advance(step.bytes, step.name);
            if (step.outcome === 'imported' || step.outcome === 'present') continue;
            bar.clear();
            process.stderr.write(
              `${step.outcome}  ${JSON.stringify(step.name)}${step.error ? `  ${(step.error as Error).message}` : ''}\n`,
            );
          }
        } finally {
          bar.clear();
          const rest = signal.aborted ? 'the same command goes on where this one ended\n' : '';
          const text = `${counts.imported} ${dryRun ? 'would be imported' : 'imported'}, ${counts.present} there already, ${counts.differs} differ, ${counts.ignored} ignored, ${counts.failed} failed\n`;
          print(options, counts, text + rest);
          if (counts.failed + counts.differs > 0) process.exitCode = 1;
          if (signal.aborted) process.exitCode = interrupted;
        }
      });
    });
}

interface ImportCommandOptions {
  readonly json?: boolean;
  readonly partner: string;
  readonly to: string;
  readonly parallel: string;
  readonly overwrite?: boolean;
  readonly dryRun?: boolean;
}
