import { Resolver } from 'node:dns/promises';
import { readFileSync } from 'node:fs';
import { isIPv4 } from 'node:net';
import { parseArgs } from 'node:util';
import { checkEveryPassivePort, checkNamedAddress, checkRoundTrip, checkSlowUpload, type Target } from './smoke-checks';
import { peersInLog, readPorts, readStack, replaceTasks, type StackOutputs } from './smoke-stack';

/** `npm run smoke -- --stack NAME`: the acceptance test of a deployment, from where partners are. `docs/acceptance-aws.md` says what it proves. */
const help = `npm run smoke -- --stack NAME --user NAME --password-stdin [options]
npm run smoke -- --host NAME --user NAME --password-stdin [options]

  --stack NAME            a deployed stack; addresses and ports are read from its outputs
  --host NAME             any server instead, with
    --explicit-port N     (21)
    --implicit-port N     (990)
    --passive-ports LIST  (8192-8239)
  --user NAME             a partner who may list, read, write, overwrite and delete
  --password-stdin        his password is the first line of standard input
  --ca FILE               PEM of the authority, if not one that this machine knows
  --insecure              do not verify the certificate, for a trial
  --bytes N               size of the big file (67108864)
  --client-address IP     address that the internet sees of this machine; it must be in the log (--stack)
  --replace-tasks         replaces all tasks during a slow upload, up to half an hour (--stack)

Example:
  npx causeway partner add smoke --stack causeway --password-stdin < password.txt
  npm run smoke -- --stack causeway --user smoke --password-stdin < password.txt
`;

interface Step {
  readonly name: string;
  readonly run: () => Promise<void>;
}

interface Wanted {
  readonly stack: string | undefined;
  readonly host: string | undefined;
  readonly explicitPort: number;
  readonly implicitPort: number;
  readonly passivePorts: readonly number[];
  readonly user: string;
  readonly trust: Target['trust'];
  readonly bytes: number;
  readonly client: string | undefined;
  readonly replace: boolean;
}

/** @throws What is wrong with the usage. */
export function readWanted(parameters: readonly string[]): Wanted | { readonly help: true } {
  const { values } = parseArgs({
    args: [...parameters],
    options: {
      stack: { type: 'string' },
      host: { type: 'string' },
      'explicit-port': { type: 'string', default: '21' },
      'implicit-port': { type: 'string', default: '990' },
      'passive-ports': { type: 'string', default: '8192-8239' },
      user: { type: 'string' },
      'password-stdin': { type: 'boolean' },
      ca: { type: 'string' },
      insecure: { type: 'boolean' },
      bytes: { type: 'string', default: String(64 * 1024 * 1024) },
      'client-address': { type: 'string' },
      'replace-tasks': { type: 'boolean' },
      help: { type: 'boolean' },
    },
  });
  if (values.help) return { help: true };
  const { stack, host, user, ca, insecure, 'client-address': client, 'replace-tasks': replace = false } = values;
  if (!user) throw new Error('--user is missing');
  if (!values['password-stdin']) throw new Error('--password-stdin is missing: the password comes from standard input only');
  if (!stack === !host) throw new Error('either --stack or --host must be given');
  if (!stack && (client !== undefined || replace)) throw new Error('--client-address and --replace-tasks need --stack');
  if (client !== undefined && !isIPv4(client)) throw new Error(`--client-address is "${client}", but must be an IPv4 address`);
  if (!/^[1-9]\d{0,14}$/.test(values.bytes)) throw new Error(`--bytes is "${values.bytes}", but must be a whole number`);
  const port = (name: 'explicit-port' | 'implicit-port'): number => {
    const [first, ...more] = readPorts(values[name]);
    if (first === undefined || more.length > 0) throw new Error(`--${name} is "${values[name]}", but must be one port`);
    return first;
  };
  return {
    stack,
    host,
    explicitPort: port('explicit-port'),
    implicitPort: port('implicit-port'),
    passivePorts: readPorts(values['passive-ports']),
    user,
    trust: insecure ? 'anything' : ca ? { ca: readFileSync(ca, 'utf8') } : {},
    bytes: Number(values.bytes),
    client,
    replace,
  };
}

async function main(wanted: Wanted): Promise<number> {
  const { bytes, client, replace } = wanted;
  const stack = wanted.stack ? await readStack(wanted.stack) : undefined;
  const host = stack?.host ?? (wanted.host as string);
  const target: Target = {
    host,
    explicitPort: stack?.explicitPort ?? wanted.explicitPort,
    implicitPort: stack?.implicitPort ?? wanted.implicitPort,
    passivePorts: stack?.passivePorts ?? wanted.passivePorts,
    user: wanted.user,
    password: readFileSync(0, 'utf8').split(/\r?\n/)[0] ?? '',
    trust: wanted.trust,
  };
  const addresses = stack?.addresses ?? (isIPv4(host) ? [host] : await resolveAll(host));
  const started = Date.now();
  const steps: Step[] = [
    ...(stack && !isIPv4(host) ? [{ name: `${host} is one of ${addresses.join(', ')}`, run: () => checkName(host, addresses) }] : []),
    ...addresses.flatMap((address) =>
      (['explicit', 'implicit'] as const).flatMap((mode) => [
        { name: `${mode} TLS at ${address}: PASV names that address`, run: () => checkNamedAddress(target, mode, address) },
        { name: `${mode} TLS at ${address}: ${bytes} bytes up and down`, run: () => checkRoundTrip(target, mode, address, bytes) },
      ]),
    ),
    ...addresses.map((address) => ({
      name: `an upload through each of ${target.passivePorts.length} passive ports at ${address}`,
      run: () => checkEveryPassivePort(target, address),
    })),
    ...fleetSteps(stack, target, addresses, started, client, replace),
  ];
  let failed = 0;
  for (const { name, run } of steps) {
    try {
      await run();
      console.log(`ok      ${name}`);
    } catch (error) {
      failed++;
      console.log(`FAILED  ${name}\n        ${(error as Error).message}`);
    }
  }
  console.log(failed === 0 ? `\nAll ${steps.length} checks passed.` : `\n${failed} of ${steps.length} checks failed.`);
  return failed === 0 ? 0 : 1;
}

function fleetSteps(
  stack: StackOutputs | undefined,
  target: Target,
  addresses: readonly string[],
  started: number,
  client: string | undefined,
  replace: boolean,
): Step[] {
  if (!stack) return [];
  const steps: Step[] = [];
  if (client)
    steps.push({
      name: `the log knows the client as ${client}`,
      run: async () => {
        const peers = await peersInLog(stack, target.user, started);
        if (peers.length === 0) throw new Error('there is no login of this partner in the log yet: try again in a minute');
        const others = peers.filter((peer) => peer !== client);
        if (others.length > 0) throw new Error(`the log says ${[...new Set(others)].join(', ')}`);
      },
    });
  if (replace)
    steps.push({
      name: 'a slow upload while every task is replaced',
      run: () => checkSlowUpload(target, addresses[0] as string, replaceTasks(stack, 30)),
    });
  return steps;
}

async function resolveAll(host: string): Promise<string[]> {
  if (host === 'localhost') return ['127.0.0.1'];
  return await new Resolver({ timeout: 5_000, tries: 2 }).resolve4(host);
}

async function checkName(host: string, addresses: readonly string[]): Promise<void> {
  const resolved = await resolveAll(host);
  const others = resolved.filter((address) => !addresses.includes(address));
  if (resolved.length === 0 || others.length > 0) throw new Error(`${host} is ${resolved.join(', ') || 'nothing'}`);
}

function readUsage(): Wanted | undefined {
  try {
    const wanted = readWanted(process.argv.slice(2));
    if (!('help' in wanted)) return wanted;
    process.stdout.write(help);
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n\n${help}`);
    process.exitCode = 2;
  }
  return undefined;
}

async function run(): Promise<void> {
  const wanted = readUsage();
  if (!wanted) return;
  try {
    process.exitCode = await main(wanted);
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n`);
    process.exitCode = 1;
  }
}

if (require.main === module) void run();
