#!/usr/bin/env node
import { readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { Command } from 'commander';
import { randomIds } from './adapters/random-ids';
import { openOperator } from './compose';
import { describeVariables, variables } from './config/variables';
import { main } from './main';
import type { User } from './model/user';
import { OperatorError, type PartnerChanges, type Partners, parseRights, parseSwitches } from './operator/partners';
import { generatePassword } from './operator/passwords';

/** The operator's command line: arguments in, one call of `operator`, text or JSON out. Exit codes: 0 done, 1 failed, 2 wrong usage. */

interface PartnerOptions {
  readonly json?: boolean;
  readonly passwordStdin?: boolean;
  readonly ask?: boolean;
  readonly keepOld?: boolean;
  readonly home?: string;
  readonly rights?: string;
  readonly directory?: readonly string[];
  readonly allow?: readonly string[];
  readonly maxSessions?: string;
  readonly maxFile?: string;
  readonly switch?: readonly string[];
}

const collect = (value: string, before: readonly string[] = []) => [...before, value];

function partnerChanges(options: PartnerOptions): PartnerChanges {
  const directories = Object.fromEntries(
    (options.directory ?? []).map((given) => {
      const [directory = '', rights = ''] = given.split('=', 2);
      return [directory, rights === '' ? undefined : parseRights(rights)];
    }),
  );
  return {
    home: options.home,
    rights: options.rights === undefined ? undefined : parseRights(options.rights),
    directories,
    allowedAddresses: options.allow?.flatMap((given) => (given === 'any' ? [] : given.split(','))),
    maxSessions: wholeNumber('--max-sessions', options.maxSessions),
    maxFileBytes: wholeNumber('--max-file', options.maxFile),
    switches: parseSwitches(options.switch ?? []),
  };
}

function wholeNumber(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^\d{1,15}$/.test(text) || Number(text) < 1) throw new OperatorError(`${name} is a whole number from 1, not "${text}"`);
  return Number(text);
}

/** Given on standard input, asked for, or made up. */
async function choosePassword(options: PartnerOptions): Promise<{ password: string; generated: boolean }> {
  if (options.passwordStdin) return { password: readFileSync(0, 'utf8').replace(/\r?\n$/, ''), generated: false };
  if (options.ask) return { password: await askHidden('Password: '), generated: false };
  return { password: generatePassword(randomIds), generated: true };
}

function askHidden(question: string): Promise<string> {
  if (!process.stdin.isTTY) throw new OperatorError('there is no terminal to ask on: use --password-stdin');
  const terminal = createInterface({ input: process.stdin, output: process.stderr, terminal: true });
  // What is typed is not shown; the question is.
  const muted = terminal as unknown as { _writeToOutput: (text: string) => void };
  process.stderr.write(question);
  muted._writeToOutput = () => undefined;
  return new Promise((resolve) => {
    terminal.question('', (answer) => {
      terminal.close();
      process.stderr.write('\n');
      resolve(answer);
    });
  });
}

async function withPartners(work: (partners: Partners) => Promise<void>): Promise<void> {
  const data = process.env['CAUSEWAY_DATA']?.trim() || variables.CAUSEWAY_DATA.default;
  if (!isFolder(data)) throw new OperatorError(`${path.resolve(data)} is no data folder: start the server once, or set CAUSEWAY_DATA`);
  const tools = openOperator(data);
  try {
    await work(tools.partners);
  } finally {
    await tools.close();
  }
}

function isFolder(folder: string): boolean {
  return statSync(folder, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

/** Everything but the hashes. */
function shown({ passwordHashes, ...user }: User, password?: string) {
  return { ...user, passwords: passwordHashes.length, password };
}

function print(options: PartnerOptions, value: unknown, text: string): void {
  process.stdout.write(options.json ? `${JSON.stringify(value, undefined, 2)}\n` : text);
}

function describe(user: User): string {
  const directories = Object.entries(user.directories).map(([directory, rights]) => `  ${directory}: ${rights.join(', ') || 'none'}\n`);
  const switches = Object.entries(user.switches).map(([name, value]) => `  ${name}=${Array.isArray(value) ? value.join(',') : value}\n`);
  return `${user.name}${user.enabled ? '' : ' (disabled)'}
home: ${user.home}
rights: ${user.rights.join(', ') || 'none'}
${directories.join('')}addresses: ${user.allowedAddresses.join(', ') || 'any'}
sessions: ${user.maxSessions ?? 'the server setting'}
largest file: ${user.maxFileBytes === undefined ? 'unlimited' : `${user.maxFileBytes} bytes`}
passwords valid now: ${user.passwordHashes.length}
switches:
${switches.join('')}`;
}

function withChanges(command: Command): Command {
  return command
    .option('--home <path>', "folder below objects; the partner's name unless set")
    .option('--rights <list>', 'all, drop-box, none, or a list: list,read,write,overwrite,delete,rename,mkdir')
    .option('--directory <path=rights>', 'rights of one directory, as often as wanted; without rights its own are removed', collect)
    .option('--allow <cidr>', 'addresses that may log in, as often as wanted; any lifts the limit', collect)
    .option('--max-sessions <n>', 'sessions at once')
    .option('--max-file <bytes>', 'largest file')
    .option('--switch <name=value>', 'protocol and TLS switches, such as endOfData=warn', collect);
}

function withPassword(command: Command): Command {
  return command
    .option('--password-stdin', 'read the password from standard input')
    .option('--ask', 'ask for the password instead of making one up');
}

function withJson(command: Command): Command {
  return command.option('--json', 'print JSON');
}

function build(): Command {
  const program = new Command('causeway').description('FTPS in, whole and verified files out.').showHelpAfterError();
  program.exitOverride();
  program
    .command('serve')
    .description('run the server; settings come from the environment')
    .addHelpText('after', '\nExample:\n  CAUSEWAY_DATA=/srv/causeway causeway serve\n\nAll settings: causeway settings')
    .action(() => main());
  program
    .command('settings')
    .description('list the settings with their defaults')
    .addHelpText('after', '\nExample:\n  causeway settings | less')
    .action(() => {
      process.stdout.write(describeVariables());
    });

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
    .action((name: string, options: PartnerOptions) =>
      withPartners(async (partners) => {
        const { password, generated } = await choosePassword(options);
        const user = await partners.add(name, password, partnerChanges(options));
        const secret = generated ? password : undefined;
        print(options, shown(user, secret), `partner ${name} added, home ${user.home}\n${secret ? `password: ${secret}\n` : ''}`);
      }),
    );
  withJson(withChanges(partner.command('set <name>')))
    .description('change a partner; what is not named stays')
    .addHelpText(
      'after',
      '\nExamples:\n  causeway partner set acme --rights list,read\n  causeway partner set acme --switch endOfData=warn --switch dataTlsReuse=require',
    )
    .action((name: string, options: PartnerOptions) =>
      withPartners(async (partners) => {
        const user = await partners.set(name, partnerChanges(options));
        if (user.switches.dataTlsReuse === 'require') {
          process.stderr.write(
            'note: clients that use a TLS 1.3 ticket only once (curl, PHP, Java) fail their second transfer under dataTlsReuse=require; CAUSEWAY_TLS_MAX=1.2 avoids it\n',
          );
        }
        print(options, shown(user), describe(user));
      }),
    );
  withJson(withPassword(partner.command('password <name>')))
    .option('--keep-old', 'the password of before stays valid too, until the next change')
    .description('give a partner a new password')
    .addHelpText('after', '\nExamples:\n  causeway partner password acme\n  causeway partner password acme --keep-old --ask')
    .action((name: string, options: PartnerOptions) =>
      withPartners(async (partners) => {
        const { password, generated } = await choosePassword(options);
        const user = await partners.password(name, password, options.keepOld);
        const secret = generated ? password : undefined;
        print(options, shown(user, secret), `password of ${name} changed\n${secret ? `password: ${secret}\n` : ''}`);
      }),
    );
  withJson(partner.command('show <name>'))
    .description('everything about a partner but his password')
    .addHelpText('after', '\nExample:\n  causeway partner show acme --json')
    .action((name: string, options: PartnerOptions) =>
      withPartners(async (partners) => {
        const user = await partners.show(name);
        print(options, shown(user), describe(user));
      }),
    );
  withJson(partner.command('list'))
    .description('all partners')
    .addHelpText('after', '\nExample:\n  causeway partner list')
    .action((options: PartnerOptions) =>
      withPartners(async (partners) => {
        const users = await partners.list();
        const lines = users.map(
          (user) => `${user.name}\t${user.home}\t${user.enabled ? 'enabled' : 'disabled'}\t${user.rights.join(',') || 'none'}\n`,
        );
        print(
          options,
          users.map((user) => shown(user)),
          lines.join(''),
        );
      }),
    );
  for (const [verb, enabled] of [
    ['enable', true],
    ['disable', false],
  ] as const) {
    withJson(partner.command(`${verb} <name>`))
      .description(enabled ? 'let a partner log in again' : "refuse a partner's logins and end his sessions at their next command")
      .addHelpText('after', `\nExample:\n  causeway partner ${verb} acme`)
      .action((name: string, options: PartnerOptions) =>
        withPartners(async (partners) => {
          const user = await partners.set(name, { enabled });
          print(options, shown(user), `partner ${name} ${verb}d\n`);
        }),
      );
  }
  withJson(partner.command('remove <name>'))
    .description('remove a partner; his files stay')
    .addHelpText('after', '\nExample:\n  causeway partner remove acme')
    .action((name: string, options: PartnerOptions) =>
      withPartners(async (partners) => {
        await partners.remove(name);
        print(options, { removed: name }, `partner ${name} removed; his files stay where they are\n`);
      }),
    );
  return program;
}

async function run(): Promise<void> {
  try {
    await build().parseAsync();
  } catch (error) {
    const { code, exitCode, message } = error as { code?: string; exitCode?: number; message: string };
    if (code?.startsWith('commander.')) {
      // Commander has printed it: help is no error, the rest is wrong usage.
      process.exitCode = exitCode === 0 ? 0 : 2;
      return;
    }
    process.stderr.write(`causeway: ${error instanceof OperatorError ? message : (error as Error).stack}\n`);
    process.exitCode = 1;
  }
}

if (require.main === module) void run();
