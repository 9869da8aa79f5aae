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

async function main(): Promise<number> {
  const { values } = parseArgs({
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
  const fleetOnly = values['client-address'] !== undefined || values['replace-tasks'];
  const bytes = Number(values.bytes);
  if (
    values.help ||
    !values.user ||
    !values['password-stdin'] ||
    !values.stack === !values.host ||
    (fleetOnly && !values.stack) ||
    !Number.isSafeInteger(bytes)
  ) {
    (values.help ? process.stdout : process.stderr).write(help);
    return values.help ? 0 : 2;
  }
  const stack = values.stack ? await readStack(values.stack) : undefined;
  const host = stack?.host ?? (values.host as string);
  const target: Target = {
    host,
    explicitPort: stack?.explicitPort ?? Number(values['explicit-port']),
    implicitPort: stack?.implicitPort ?? Number(values['implicit-port']),
    passivePorts: stack?.passivePorts ?? readPorts(values['passive-ports']),
    user: values.user,
    password: readFileSync(0, 'utf8').split(/\r?\n/)[0] ?? '',
    trust: values.insecure ? 'anything' : values.ca ? { ca: readFileSync(values.ca, 'utf8') } : {},
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
    ...fleetSteps(stack, target, addresses, started, values['client-address'], values['replace-tasks'] === true),
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

main().then(
  (code) => {
    process.exitCode = code;
  },
  (error: Error) => {
    process.stderr.write(`${error.message}\n`);
    process.exitCode = 1;
  },
);
