import { execFile } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { bundle } from '../../bin/bundle';
import { grantsOf, missing, unused } from '../infrastructure/granted';
import { synthesize } from '../infrastructure/synthesize';
import { listenersOf, statementsOf, taskCountOf, taskRoleOf } from '../infrastructure/template';
import { type Deployed, deploy } from '../support/deployed';
import { describeFleet } from '../support/fleet-fixture';
import { TemplateFleet, type TemplateTask, zoneAddress } from '../support/template-fleet';

/**
 * The template, run: its load balancer, its tasks with their environment, from the folder that the image holds, and partners who come through every listener.
 * Then an update of the stack as its deployment settings say, while partners go on.
 */
const run = promisify(execFile);
const digest = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');
const password = 'a partner of the template';
const mostRounds = 60;
const updateTakes = 400_000;

describeFleet('the template without settings, run', () => {
  const template = synthesize();
  const work = mkdtempSync(path.join(tmpdir(), 'causeway-template-'));
  let deployed: Deployed;
  let fleet: TemplateFleet;
  let replaced: TemplateTask[];

  const listeners = listenersOf(template);

  beforeAll(async () => {
    bundle(path.join(work, 'app'));
    deployed = await deploy(template, zoneAddress);
    const data = path.join(work, 'tasks');
    mkdirSync(data);
    fleet = new TemplateFleet({
      template,
      known: deployed.known,
      app: path.join(work, 'app'),
      folder: data,
      speed: 10,
      settings: deployed.settings,
    });
    await fleet.balancer.start();
    await fleet.command(['partner', 'add', 'acme', '--password-stdin'], `${password}\n`);
    await Promise.all(Array.from({ length: taskCountOf(template).least }, () => fleet.add()));
  }, 240_000);

  afterAll(async () => {
    await fleet.close();
    await deployed.stop();
    rmSync(work, { recursive: true, force: true });
  });

  const controls = () => {
    const [explicit, implicit] = listeners.filter(({ port }) => port < 1024).map(({ targetGroup }) => targetGroup) as [string, string];
    return { explicit: fleet.balancer.ports(explicit)[0] as number, implicit: fleet.balancer.ports(implicit)[0] as number };
  };
  const passive = listeners.filter(({ port }) => port > 1024);

  /** A task of this template makes its own certificate: there is nobody to vouch for it. */
  async function curl(round: number, ...args: string[]): Promise<string> {
    const implicit = round % 2 === 1;
    const url = `${implicit ? 'ftps' : 'ftp'}://${zoneAddress(1 + (round % fleet.zones.length))}:${implicit ? controls().implicit : controls().explicit}/`;
    const options = ['-sS', '-m', '60', '--ssl-reqd', '-k', '--user', `acme:${password}`, ...(round % 4 < 2 ? ['--disable-epsv'] : [])];
    const { stdout } = await run('curl', [...options, ...args.map((each) => each.replace('URL/', url))], { timeout: 90_000 });
    return stdout;
  }

  async function lftp(round: number, commands: string): Promise<string> {
    const implicit = round % 2 === 1;
    const url = `${implicit ? 'ftps' : 'ftp'}://${zoneAddress(1 + (round % fleet.zones.length))}:${implicit ? controls().implicit : controls().explicit}`;
    const settings =
      'set ssl:verify-certificate no; set ftp:ssl-force true; set ftp:ssl-protect-data true; set net:timeout 60; set net:max-retries 1; set xfer:clobber on; set cmd:fail-exit true';
    const { stdout } = await run('lftp', ['-c', `${settings}; open -u acme,"${password}" ${url}; ${commands}`], { timeout: 90_000 });
    return stdout;
  }

  async function transfer(round: number): Promise<void> {
    const folder = path.join(work, `round-${round}`);
    mkdirSync(folder);
    const files = Array.from({ length: 6 }, (_, number) => ({ name: `${round}-${number}`, bytes: randomBytes(1_000 + 20_000 * number) }));
    for (const { name, bytes } of files) writeFileSync(path.join(folder, name), bytes);
    const down = path.join(folder, 'down');
    mkdirSync(down);
    const [first, ...others] = files as [(typeof files)[0], ...typeof files];
    await curl(round, '-T', path.join(folder, first.name), `URL/${first.name}`);
    await lftp(round, others.map(({ name }) => `put ${path.join(folder, name)}`).join('; '));
    await lftp(round, `lcd ${down}; ${files.map(({ name }) => `get ${name}`).join('; ')}; cls -1`);
    for (const { name, bytes } of files) expect(digest(readFileSync(path.join(down, name)))).toBe(digest(bytes));
    await curl(round, '-o', path.join(down, 'again'), `URL/${first.name}`);
    expect(digest(readFileSync(path.join(down, 'again')))).toBe(digest(first.bytes));
    rmSync(folder, { recursive: true, force: true });
  }

  it('has 50 listeners, and partners come through every one', async () => {
    expect(listeners).toHaveLength(50);
    const data = passive[0]?.targetGroup;
    const dialled = () => new Set(fleet.balancer.choices.filter(({ group }) => group === data).map(({ port }) => port));
    let rounds = 0;
    for (; dialled().size < passive.length && rounds < mostRounds; rounds += 4)
      await Promise.all([0, 1, 2, 3].map((more) => transfer(rounds + more)));
    expect([...dialled()].sort()).toEqual(passive.map(({ port }) => port).sort());
    expect(new Set(fleet.balancer.choices.map(({ target }) => target)).size).toBe(taskCountOf(template).least);
    expect(new Set(fleet.balancer.choices.map(({ group }) => group)).size).toBe(3);
  });

  it('serves everything else that partners do', async () => {
    const large = path.join(work, 'large');
    writeFileSync(large, randomBytes(24_000_000));
    await curl(0, '-T', large, 'URL/large', '-Q', '-RNFR large', '-Q', '-RNTO moved');
    await curl(1, '-T', large, 'URL/large.part', '-Q', '-RNFR large.part', '-Q', '-RNTO published');
    await lftp(
      2,
      `mkdir folder; put ${large} -o folder/one; mv folder renamed; cls -1 renamed; put ${large} -o renamed/one; rm renamed/one; rmdir renamed`,
    );
    await curl(3, '-T', large, 'URL/cut', '--limit-rate', '9000000', '-m', '2').catch(() => undefined); // Cut on purpose.
    await lftp(4, `put -c ${large} -o cut; get cut -o ${large}.down`);
    expect(digest(readFileSync(`${large}.down`))).toBe(digest(readFileSync(large)));
    writeFileSync(path.join(work, 'more'), 'more');
    await curl(5, '-a', '-T', path.join(work, 'more'), 'URL/cut');
    await curl(7, '-T', large, 'URL/again', '--limit-rate', '9000000', '-m', '2').catch(() => undefined); // Cut, and then not continued but sent anew.
    await curl(8, '-T', large, 'URL/again');
    await curl(6, '-o', `${large}.down`, 'URL/published');
    expect(digest(readFileSync(`${large}.down`))).toBe(digest(readFileSync(large)));
  });

  it(
    'is updated without a transfer that fails: new tasks first, then the old ones are stopped',
    async () => {
      const old = [...fleet.tasks];
      let updating = true;
      const partners = [0, 1].map(async (lane) => {
        let rounds = 0;
        while (updating) await transfer(1_000 + 10 * rounds++ + lane);
        return rounds;
      });
      const first = Promise.race(partners);
      const codes = (async () => {
        await Promise.all(old.map(() => fleet.add()));
        return Promise.all(old.map((task) => fleet.retire(task)));
      })().finally(() => {
        updating = false;
      });
      await Promise.race([codes, first]);
      expect(await codes).toEqual(old.map(() => 0));
      for (const rounds of await Promise.all(partners)) expect(rounds).toBeGreaterThan(3);
      replaced = old;
    },
    updateTakes,
  );

  it('the tasks that went have sent their numbers', () => {
    const lines = replaced.flatMap(({ stdout }) => stdout().split('\n')).filter((line) => line.startsWith('{"_aws"'));
    expect(lines.length).toBeGreaterThanOrEqual(2 * replaced.length);
    const numbers = lines.map((line) => JSON.parse(line) as Record<string, number>);
    expect(new Set(numbers.map(({ Table }) => Table))).toEqual(new Set([deployed.table]));
    const sum = (name: string) => numbers.reduce((total, line) => total + (line[name] ?? 0), 0);
    // One through each of the passive listeners, at least.
    expect(sum('uploads.committed')).toBeGreaterThanOrEqual(48);
    expect(sum('failures.server')).toBe(0);
  });

  describe('the rights of a task', () => {
    const grants = () => grantsOf(statementsOf(template, taskRoleOf(template)), deployed.known);
    const called = () => [...deployed.objects.calls, ...deployed.index.calls];

    it('are enough for every call that was made', () => {
      expect(called().length).toBeGreaterThan(15);
      expect(missing(grants(), called(), deployed.arns)).toEqual([]);
    });

    it('are no more than what was called', () => {
      expect([...fleet.agentCalls]).toEqual(['ecs:UpdateTaskProtection']);
      expect(
        unused(grants(), called(), deployed.arns, {
          'ecs:UpdateTaskProtection': 'called by the agent beside the container',
          'ecs:GetTaskProtection': 'the agent looks before it changes',
          's3:ListBucketMultipartUploads': 'what a task that died has left; called in the behaviour suite of the store',
          's3:ListBucketVersions': 'where two uploads of one key end at once and the store orders them by their begin',
        }),
      ).toEqual([]);
    });
  });
});
