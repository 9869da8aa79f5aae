import { createHash, randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { addressOf, describeFleet, inTurns, openTestFleet, type TestFleet } from '../support/fleet-fixture';
import { realClients } from '../support/fleet-real-clients';

/**
 * A fleet of three tasks where no data connection ever reaches the task that expects it and no client comes back to the task that it was at: the same
 * transfers as on one server, and none may fail. Most are made by a plain client in this process, because what differs is on the server's side.
 */
const transfers = Number(process.env['FLEET_TRANSFERS'] ?? 2_000);
const rounds = Number(process.env['FLEET_ROUNDS'] ?? 6);
const lanes = 8;
/** Most of the load are small files; some are several parts. */
const sizes = [0, 1, 1_000, 20_000, 20_000, 20_000, 200_000, 6_000_000];
/** A cut upload keeps what is a whole part. */
const resumable = 11_000_000;
const cutAt = 10_500_000;

const digest = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');
const modes = [
  { mode: 'explicit', implicit: false },
  { mode: 'implicit', implicit: true },
] as const;

describeFleet('a fleet of three tasks, every data connection on the wrong one', () => {
  let test: TestFleet;
  let done = 0;

  beforeAll(async () => {
    test = await openTestFleet();
  }, 120_000);
  afterAll(() => test?.close());

  /** Someone began and was cut; whoever continues is on another task. */
  async function leaveCut(name: string, bytes: Buffer, address: string): Promise<void> {
    const client = await test.connect({ from: address });
    await client.uploadCut(name, bytes.subarray(0, cutAt));
    client.close();
  }

  describe.each(realClients)('$name', (client) => {
    it.each(modes)('uploads, downloads, lists and resumes, $mode', async ({ mode, implicit }) => {
      // One without an address of its own takes its turns alone.
      await inTurns(rounds, client.hasAddress ? 4 : 1, async (round, lane) => {
        const address = client.hasAddress ? addressOf(1_000 + lane) : '127.0.0.1';
        const name = `${client.name}-${mode}-${round}`;
        const file = path.join(test.work, name);
        const bytes = randomBytes(sizes[2 + (round % 6)] as number);
        writeFileSync(file, bytes);
        const job = { fleet: test.fleet, implicit, address, name, file };
        await client.upload(job);
        await client.download({ ...job, file: `${file}.down` });
        expect(digest(readFileSync(`${file}.down`))).toBe(digest(bytes));
        expect((await client.list(job)).split(/\r?\n/)).toContain(name);
        const large = randomBytes(resumable);
        await leaveCut(`${name}-resumed`, large, address);
        writeFileSync(file, large);
        await client.resume({ ...job, name: `${name}-resumed` });
        await client.download({ ...job, name: `${name}-resumed`, file: `${file}.down` });
        expect(digest(readFileSync(`${file}.down`))).toBe(digest(large));
        done += 5;
      });
    });
  });

  it(`makes ${transfers} transfers in all without a failure`, async () => {
    const left = Math.max(0, transfers - done);
    // Of five transfers one is a resumed upload.
    await inTurns(Math.ceil(left / 10), lanes, async (index, lane) => {
      const from = addressOf(lane);
      const how = { from, implicit: index % 2 === 1, version: index % 4 < 2 ? 'TLSv1.2' : 'TLSv1.3' } as const;
      const client = await test.connect({ ...how, passive: index % 8 < 4 ? 'EPSV' : 'PASV' });
      const folder = `lane-${lane}`;
      if (index < lanes) await client.ask(`MKD ${folder}`, '257');
      for (let turn = 0; turn < 4; turn++) {
        const name = `${folder}/${index}-${turn}`;
        const bytes = randomBytes(sizes[(index + turn) % sizes.length] as number);
        await client.upload(name, bytes);
        expect(digest(await client.download(name))).toBe(digest(bytes));
      }
      expect(await client.names(folder)).toContain(`${folder}/${index}-0`);
      await client.quit();
      const name = `${folder}/${index}-resumed`;
      const large = randomBytes(resumable);
      await leaveCut(name, large, from);
      const next = await test.connect(how);
      await next.upload(name, large, await next.size(name));
      await next.quit();
      if (index % 8 === 0) {
        const another = await test.connect(how);
        expect(digest(await another.download(name))).toBe(digest(large));
        await another.quit();
      }
      done += 10;
    });
    expect(done).toBeGreaterThanOrEqual(transfers);
    expect(test.adversary).toMatchObject({ right: 0, unavoidable: 0 });
    expect(test.adversary.wrong).toBeGreaterThanOrEqual(done);
  });
});
