#!/usr/bin/env node
import { Command } from 'commander';
import { addSessionCommands } from './cli-sessions';
import { addStoreCommands } from './cli-stores';
import { memoryOfProcess, openOperator } from './compose';
import { type Config, readConfig } from './config/config';
import { describeVariables, variables } from './config/variables';
import { describeConnection, describeDeployed } from './describe-connection';
import { main } from './main';
import { type DeployedStack, findStack } from './open-stack';
import { askHidden } from './operator/ask-hidden';
import { checkHost, connectionSheet } from './operator/connection-sheet';
import { OperatorError } from './operator/operator-error';
import { type ChangeOptions, partnerChanges, switchNames } from './operator/partner-options';
import { partnerAsData, partnerAsLine, partnerAsText } from './operator/partner-text';
import type { Partners } from './operator/partners';
import { generatePassword, readPassword } from './operator/passwords';

/**
 * The operator's command line: arguments in, one call of `operator`, text or JSON out. Exit codes: 0 done, 1 failed, 2 wrong usage, 130 interrupted, 141
 * whoever read the output has gone. It is long because every command stands here with its options, its help and its examples, and nothing else does.
 */
const exitCodes = { failed: 1, usage: 2, interrupted: 130, unread: 141 } as const;

interface JsonOption {
  readonly json?: boolean;
}

interface PasswordOptions {
  readonly passwordStdin?: boolean;
  readonly ask?: boolean;
  readonly keepOld?: boolean;
}

const collect = (value: string, before: readonly string[] = []) => [...before, value];

/** Given on standard input, asked for, or made up. */
async function choosePassword(options: PasswordOptions, makeUp: () => string): Promise<{ password: string; shown?: string }> {
  if (options.passwordStdin && options.ask) throw new OperatorError('--password-stdin and --ask exclude each other', 'usage');
  if (options.passwordStdin) return { password: readPassword(await standardInput()) };
  if (options.ask) return { password: await askTwice() };
  const password = makeUp();
  return { password, shown: password };
}

/** Not at once: whoever started us may have made it one that says "not yet". */
async function standardInput(): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of process.stdin) pieces.push(piece as Buffer);
  return Buffer.concat(pieces);
}

async function askTwice(): Promise<string> {
  if (!process.stdin.isTTY) throw new OperatorError('there is no terminal to ask on: use --password-stdin', 'usage');
  const answers: string[] = [];
  for (const question of ['Password: ', 'Again: ']) {
    const answer = await askHidden(question, process.stdin, process.stderr);
    // Ctrl-C, or the end of the input.
    if (answer === undefined) process.exit(exitCodes.interrupted);
    answers.push(answer);
  }
  if (answers[0] !== answers[1]) throw new OperatorError('the two passwords differ');
  return answers[0] as string;
}

interface Tools {
  readonly partners: Partners;
  readonly makeUp: () => string;
}

/** Named by `--stack`; its settings stand for those of this machine. */
let stack: DeployedStack | undefined;

function configuration(): Config {
  const own = Object.entries(process.env).filter(([name]) => !stack || !name.startsWith('CAUSEWAY_'));
  const config = readConfig({ ...Object.fromEntries(own), ...stack?.settings }, memoryOfProcess());
  if ('faults' in config) throw new OperatorError(config.faults.join('\ncauseway: '), 'usage');
  return config;
}

async function withPartners(work: (tools: Tools) => Promise<void>): Promise<void> {
  const { partners, ids, close } = await openOperator(configuration());
  try {
    await work({ partners, makeUp: () => generatePassword(ids) });
  } finally {
    await close();
  }
}

/** As a shell's own tools end behind `| head`: at once and without a word. */
function endUnread(cause: NodeJS.ErrnoException): void {
  if (cause.code === 'EPIPE') process.exit(exitCodes.unread);
  process.stderr.write(`causeway: the output cannot be written: ${cause.message}\n`);
  process.exit(exitCodes.failed);
}

function print(options: JsonOption, value: unknown, text: string): void {
  process.stdout.write(options.json ? `${JSON.stringify(value, undefined, 2)}\n` : text);
}

function passwordLine(password: string | undefined): string {
  return password === undefined ? '' : `password: ${password}\n`;
}

async function printSheet(partner: string, options: JsonOption & { readonly host?: string }): Promise<void> {
  const config = configuration();
  const host = options.host === undefined ? undefined : checkHost(options.host);
  await withPartners(async ({ partners }) => {
    await partners.show(partner);
    const described = await (stack ? describeDeployed(config, host ?? stack.host, stack.name) : describeConnection(config, config, host));
    if ('unseen' in described)
      process.stderr.write(`note: ${described.unseen}; made at an address that partnerCidrs lets in, the sheet has its fingerprint\n`);
    const facts = { ...described, partner, password: undefined };
    print(options, facts, connectionSheet(facts));
  });
}

function withChanges(command: Command): Command {
  return command
    .option('--home <path>', "folder below objects; the partner's name unless set")
    .option('--rights <list>', 'all, drop-box, none, or a list: list,read,write,overwrite,delete,rename,mkdir')
    .option('--directory <path=rights>', 'rights of one directory, as often as wanted; path= removes them', collect)
    .option('--allow <cidr>', 'addresses that he may come from, now and in open sessions; as often as wanted; any lifts the limit', collect)
    .option('--max-sessions <n>', 'sessions at once; none: the server setting')
    .option('--max-file <bytes>', 'largest file; none: no limit')
    .option('--switch <name=value>', `protocol and TLS switches, as often as wanted: ${switchNames.join(', ')}`, collect);
}

function withPassword(command: Command): Command {
  return command
    .option('--password-stdin', 'read the password from standard input')
    .option('--ask', 'ask for the password instead of making one up');
}

function withJson(command: Command): Command {
  return command.option('--json', 'print JSON');
}

/** The `aws` command line reads the second name too, and an operator has tried that one first. */
function regionOf(environment: NodeJS.ProcessEnv): string | undefined {
  return environment['AWS_REGION'] || environment['AWS_DEFAULT_REGION'] || undefined;
}

/** @param write Takes help and what is wrong with the usage; standard output and standard error unless given. */
export function buildCommandLine(write?: (text: string) => void): Command {
  const program = new Command('causeway').description('FTPS in, whole and verified files out.').showHelpAfterError();
  program.exitOverride();
  // --stack works with every command, so the help of every command names it.
  program.configureHelp({ showGlobalOptions: true });
  if (write) program.configureOutput({ writeOut: write, writeErr: write });
  program.addHelpText('after', '\nExamples:\n  causeway serve\n  causeway partner add acme\n  causeway sheet acme --host ftps.example.com');
  program.option('--stack <name>', 'work on a stack that cdk deploy has made, with the rights of this AWS account');
  program.hook('preAction', async (command, action) => {
    const { stack: name } = command.opts<{ stack?: string }>();
    if (name === '') throw new OperatorError('--stack is empty: it names a stack, causeway unless settings say otherwise', 'usage');
    if (name !== undefined && action.name() === 'serve')
      throw new OperatorError('serve runs a server here; --stack is for one that cdk deploy has made, which runs already', 'usage');
    // The server has an answer of its own to this.
    if (action.name() === 'serve') process.stdout.off('error', endUnread);
    stack = name === undefined ? undefined : await findStack(name, regionOf(process.env));
  });
  program
    .command('serve')
    .configureHelp({ showGlobalOptions: false })
    .description('run the server; settings come from the environment')
    .addHelpText('after', '\nExample:\n  CAUSEWAY_DATA=/srv/causeway causeway serve\n\nAll settings: causeway settings')
    .action(() => main());
  withJson(program.command('settings'))
    .description('list the settings with their defaults')
    .addHelpText('after', '\nExample:\n  causeway settings | less')
    .action((options: JsonOption) => print(options, variables, describeVariables()));
  withJson(program.command('sheet <partner>'))
    .option('--host <name>', 'name or address that the partner connects to, where it is not the one that the server knows')
    .description('print what a partner needs to connect')
    .addHelpText('after', '\nExample:\n  causeway sheet acme --host ftps.example.com')
    .action(printSheet);
  addPartnerCommands(program);
  addStoreCommands(program, { configuration, print, withJson, deployedHost: () => stack?.host });
  addSessionCommands(program, { configuration, print, withJson });
  return program;
}

function addPartnerCommands(program: Command): void {
  const partner = program
    .command('partner')
    .description('make and change partners, also while the server runs')
    .addHelpText(
      'after',
      '\nExamples:\n  causeway partner add acme --rights drop-box\n  causeway partner set acme --allow 203.0.113.0/24\n  causeway partner password acme',
    );
  withJson(withPassword(withChanges(partner.command('add <name>'))))
    .description('make a partner; the password is made up unless given')
    .addHelpText(
      'after',
      '\nExamples:\n  causeway partner add acme\n  printf \'%s\' "$SECRET" | causeway partner add acme --password-stdin\n  causeway partner add acme --directory /out=list,read --rights drop-box',
    )
    .action((name: string, options: JsonOption & PasswordOptions & ChangeOptions) =>
      withPartners(async ({ partners, makeUp }) => {
        const changes = partnerChanges(options);
        const { password, shown } = await choosePassword(options, makeUp);
        const user = await partners.add(name, password, changes);
        print(options, partnerAsData(user, shown), `partner ${name} added, home ${user.home}\n${passwordLine(shown)}`);
      }),
    );
  withJson(withChanges(partner.command('set <name>')))
    .description('change a partner; what is not named stays')
    .addHelpText(
      'after',
      '\nExamples:\n  causeway partner set acme --rights list,read\n  causeway partner set acme --switch endOfData=warn --switch dataTlsReuse=require',
    )
    .action((name: string, options: JsonOption & ChangeOptions) =>
      withPartners(async ({ partners }) => {
        const user = await partners.set(name, partnerChanges(options));
        if (user.switches.dataTlsReuse === 'require') {
          process.stderr.write(
            'note: clients that use a TLS 1.3 ticket only once (curl, PHP, Java) fail their second transfer under dataTlsReuse=require; CAUSEWAY_TLS_MAX=1.2 avoids it\n',
          );
        }
        print(options, partnerAsData(user), partnerAsText(user));
      }),
    );
  withJson(withPassword(partner.command('password <name>')))
    .option('--keep-old', 'the password of before stays valid too, until the next change')
    .description('give a partner a new password')
    .addHelpText('after', '\nExamples:\n  causeway partner password acme\n  causeway partner password acme --keep-old --ask')
    .action((name: string, options: JsonOption & PasswordOptions) =>
      withPartners(async ({ partners, makeUp }) => {
        await partners.show(name);
        const { password, shown } = await choosePassword(options, makeUp);
        const user = await partners.password(name, password, options.keepOld);
        print(options, partnerAsData(user, shown), `password of ${name} changed\n${passwordLine(shown)}`);
      }),
    );
  withJson(partner.command('show <name>'))
    .description('everything about a partner but his password')
    .addHelpText('after', '\nExample:\n  causeway partner show acme --json')
    .action((name: string, options: JsonOption) =>
      withPartners(async ({ partners }) => {
        const user = await partners.show(name);
        print(options, partnerAsData(user), partnerAsText(user));
      }),
    );
  withJson(partner.command('list'))
    .description('all partners')
    .addHelpText('after', '\nExample:\n  causeway partner list')
    .action((options: JsonOption) =>
      withPartners(async ({ partners }) => {
        const users = await partners.list();
        const data = users.map((user) => partnerAsData(user));
        print(options, data, users.map(partnerAsLine).join(''));
      }),
    );
  for (const [verb, enabled] of [
    ['enable', true],
    ['disable', false],
  ] as const) {
    withJson(partner.command(`${verb} <name>`))
      .description(
        enabled
          ? 'let a partner log in again'
          : "refuse a partner's logins; his sessions end at their next command, and uploads that run are not stored",
      )
      .addHelpText('after', `\nExample:\n  causeway partner ${verb} acme`)
      .action((name: string, options: JsonOption) =>
        withPartners(async ({ partners }) => {
          const user = await partners.set(name, { enabled });
          print(options, partnerAsData(user), `partner ${name} ${verb}d\n`);
        }),
      );
  }
  withJson(partner.command('remove <name>'))
    .description('remove a partner; his files stay')
    .addHelpText('after', '\nExample:\n  causeway partner remove acme')
    .action((name: string, options: JsonOption) =>
      withPartners(async ({ partners }) => {
        await partners.remove(name);
        print(options, { removed: name }, `partner ${name} removed; his files stay where they are\n`);
      }),
    );
}

/** What an error means for whoever started the command: an exit code, and what there is to tell. */
export function explainError(error: unknown): { readonly code: number; readonly text: string } {
  const { code, errno, exitCode, message, stack, name } = error as NodeJS.ErrnoException & { exitCode?: number };
  // Commander has printed it: help is no error, the rest is wrong usage.
  if (code?.startsWith('commander.')) return { code: exitCode === 0 ? 0 : exitCodes.usage, text: '' };
  if (error instanceof OperatorError) {
    return { code: error.kind === 'usage' ? exitCodes.usage : exitCodes.failed, text: `causeway: ${message}\n` };
  }
  // A failure, and a refusal of the system, are told in a line; a bug needs its stack.
  const expected = name === 'Failure' || errno !== undefined;
  return { code: exitCodes.failed, text: `causeway: ${expected ? message : stack}\n` };
}

async function run(): Promise<void> {
  process.stdout.on('error', endUnread);
  try {
    await buildCommandLine().parseAsync();
  } catch (error) {
    const { code, text } = explainError(error);
    process.stderr.write(text);
    process.exitCode = code;
  }
}

if (require.main === module) void run();
