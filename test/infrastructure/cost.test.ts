import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describeCost, readUsage } from '../../bin/cost';
import { defaultUsage, monthlyCost, totalOf, transferFamilyCost } from '../../bin/cost-model';

describe('a month', () => {
  it.each([
    ['without a file', {}, 100],
    ['in isolated subnets', { network: 'isolated' }, 151],
    ['of 100 GB in 1,000 files', { gb: 100, files: 1_000 }, 101],
    ['of 10 TB in 100,000 files', { gb: 10_000, files: 100_000 }, 169],
    ['of 10 TB in 10,000,000 files', { gb: 10_000, files: 10_000_000 }, 332],
    ['of two small tasks', { cpu: 0.5, memory: 1 }, 71],
    ['in isolated subnets, each task with a certificate of its own', { network: 'isolated', certificate: 'self-signed' }, 135],
    ['with a key of your own', { encryption: 'kms' }, 101],
    ['of one zone', { zones: 1, tasks: 1 }, 64],
  ] as const)('%s costs about %j: %i USD', (_, usage, usd) => {
    expect(Math.round(totalOf(monthlyCost({ ...defaultUsage, ...usage })))).toBe(usd);
  });

  it.each([0, 100, 10_000])('of %i GB costs less than half of the managed service, as long as files are not tiny', (gb) => {
    expect(totalOf(monthlyCost({ ...defaultUsage, gb, files: gb * 10 }))).toBeLessThan(transferFamilyCost({ gb }) / 2);
  });

  it('has a line for everything, and no line is negative', () => {
    const lines = monthlyCost({ ...defaultUsage, gb: 1, files: 1 });
    expect(lines).toHaveLength(10);
    for (const { usd } of lines) expect(usd).toBeGreaterThan(0);
  });
});

describe('the command line', () => {
  it('takes numbers and choices', () => {
    expect(readUsage(['--gb', '1000', '--files', '100000', '--network', 'isolated', '--json'])).toEqual({
      usage: { ...defaultUsage, gb: 1_000, files: 100_000, network: 'isolated' },
      json: true,
    });
  });

  it.each([
    [['--gb', 'much'], '--gb is "much", but must be a number'],
    [['--gb', '-1'], /gb/],
    [['--files', '1.5'], '--files is "1.5", but must be a whole number'],
    [['--zones', '0'], '--zones is "0", but must be a whole number from 1 to 3'],
    [['--tasks', '0'], '--tasks is "0", but must be a whole number from 1 to 100'],
    [['--cpu', '0.3'], '--cpu is "0.3", but must be one of 0.25, 0.5, 1, 2, 4'],
    [['--memory', '1.5'], '--memory is "1.5", but must be 0.5 or a whole number'],
    [['--network', 'private'], '--network is "private", but must be one of public, isolated'],
    [['--region', 'eu-central-1'], /region/],
  ])('refuses %j', (parameters, fault) => {
    expect(() => readUsage(parameters)).toThrow(fault);
  });

  it('takes a number as it is written for short', () => {
    expect(readUsage(['--files', '1e3'])).toMatchObject({ usage: { files: 1_000 } });
  });

  it('asks for help', () => {
    expect(readUsage(['--help'])).toEqual({ help: true });
  });

  it('prints a table', () => {
    const text = describeCost(defaultUsage, monthlyCost(defaultUsage));
    expect(text).toMatch(/together {30,}100\.29\n/);
    expect(text).toMatch(/AWS Transfer Family, FTPS alone +219\.00\n/);
  });
});

describe('the table of docs/deploy.md', () => {
  const page = readFileSync(join(__dirname, '..', '..', 'docs', 'deploy.md'), 'utf8');

  it.each([
    ['none', 0, 0],
    ['100 GB in 1,000 files', 100, 1_000],
    ['10 TB in 100,000 files', 10_000, 100_000],
    ['10 TB in 10,000,000 files', 10_000, 10_000_000],
  ])('says for %s what is computed', (name, gb, files) => {
    const usd = (network: 'public' | 'isolated') => Math.round(totalOf(monthlyCost({ ...defaultUsage, gb, files, network })));
    expect(page).toContain(`| ${name} | ${usd('public')} | ${usd('isolated')} | ${Math.round(transferFamilyCost({ gb }))} |`);
  });
});
