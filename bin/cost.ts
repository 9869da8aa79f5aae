import { parseArgs } from 'node:util';
import { type CostLine, defaultUsage, monthlyCost, totalOf, transferFamilyCost, type Usage } from './cost-model';

/** `npm run cost -- --gb 1000 --files 100000`: what a month costs, and what the managed service would. */
const choices = {
  architecture: ['arm64', 'x86_64'],
  network: ['public', 'isolated'],
  certificate: ['acm', 'secret', 'self-signed'],
  encryption: ['aws', 'kms'],
} as const;
/** What Fargate and the settings of a deployment take. */
const numbers = {
  gb: { wanted: 'a number that is not negative', fits: (value: number) => value >= 0 && value <= 1e12 },
  files: { wanted: 'a whole number', fits: (value: number) => Number.isInteger(value) && value >= 0 && value <= 1e12 },
  zones: { wanted: 'a whole number from 1 to 3', fits: (value: number) => [1, 2, 3].includes(value) },
  tasks: { wanted: 'a whole number from 1 to 100', fits: (value: number) => Number.isInteger(value) && value >= 1 && value <= 100 },
  cpu: { wanted: 'one of 0.25, 0.5, 1, 2, 4', fits: (value: number) => [0.25, 0.5, 1, 2, 4].includes(value) },
  memory: {
    wanted: '0.5 or a whole number from 1 to 30',
    fits: (value: number) => value === 0.5 || (Number.isInteger(value) && value >= 1 && value <= 30),
  },
} as const;

const help = `npm run cost -- [options]

  --gb N             gigabytes received in a month       (0)
  --files N          files received in a month           (0)
  --zones N          availability zones                  (2)
  --tasks N          tasks that run                      (2)
  --cpu N            vCPU of a task                      (1)
  --memory N         GB of a task                        (2)
  --architecture A   ${choices.architecture.join(' or ')}                     (arm64)
  --network N        ${choices.network.join(' or ')}                  (public)
  --certificate C    ${choices.certificate.join(', ')}            (acm)
  --encryption E     ${choices.encryption.join(' or ')}                       (aws)
  --json             the lines as JSON
  --help             this text

Example: npm run cost -- --gb 1000 --files 100000
`;

export function readUsage(parameters: readonly string[]): { readonly usage: Usage; readonly json: boolean } | { readonly help: true } {
  const names = [...Object.keys(numbers), ...Object.keys(choices)];
  const parsed = parseArgs({
    args: [...parameters],
    options: {
      ...Object.fromEntries(names.map((name) => [name, { type: 'string' as const }])),
      json: { type: 'boolean' },
      help: { type: 'boolean' },
    },
  });
  const values = parsed.values as Readonly<Record<string, string | boolean | undefined>>;
  if (values['help']) return { help: true };
  const usage: Record<string, unknown> = { ...defaultUsage };
  for (const name of Object.keys(numbers) as (keyof typeof numbers)[])
    if (values[name] !== undefined) usage[name] = readNumber(name, String(values[name]));
  for (const [name, allowed] of Object.entries(choices)) {
    const value = values[name];
    if (value === undefined) continue;
    if (!(allowed as readonly string[]).includes(String(value)))
      throw new Error(`--${name} is "${value}", but must be one of ${allowed.join(', ')}`);
    usage[name] = value;
  }
  return { usage: usage as unknown as Usage, json: values['json'] === true };
}

function readNumber(name: keyof typeof numbers, text: string): number {
  const value = /^\d+(\.\d+)?(e\d+)?$/i.test(text) ? Number(text) : Number.NaN;
  if (!numbers[name].fits(value)) throw new Error(`--${name} is "${text}", but must be ${numbers[name].wanted}`);
  return value;
}

export function describeCost(usage: Usage, lines: readonly CostLine[]): string {
  const row = (name: string, usd: number) => `${name.padEnd(44)}${usd.toFixed(2).padStart(10)}\n`;
  const rows = lines.map(({ name, usd }) => row(name, usd)).join('');
  const without = 'Without storage and the way to the internet, which cost the same behind every server; us-east-1.';
  return `USD a month for ${usage.gb} GB in ${usage.files} files\n\n${rows}${row('together', totalOf(lines))}\n${row('AWS Transfer Family, FTPS alone', transferFamilyCost(usage))}\n${without}\n`;
}

if (require.main === module) {
  try {
    const read = readUsage(process.argv.slice(2));
    if ('help' in read) process.stdout.write(help);
    else {
      const lines = monthlyCost(read.usage);
      const json = { usage: read.usage, lines, together: totalOf(lines), transferFamily: transferFamilyCost(read.usage) };
      process.stdout.write(read.json ? `${JSON.stringify(json, undefined, 2)}\n` : describeCost(read.usage, lines));
    }
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n\n${help}`);
    process.exitCode = 2;
  }
}
