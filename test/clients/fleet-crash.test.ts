import type { FleetTask } from '../support/fleet';
import type { FleetClient } from '../support/fleet-client';
import { addressOf, describeFleet, openTestFleet, type TestFleet, until } from '../support/fleet-fixture';

/**
 * Tasks of a fleet are killed again and again while clients upload, overwrite, rename and give up, and go on at another task. Every file says what it is in
 * its first line, so a prefix or a mixture is recognised. At the end every task must list and give the same: what was acknowledged last.
 */
const kills = Number(process.env['FLEET_KILLS'] ?? 10);
const workers = 4;

let serial = 0;
function newContent(): { id: string; bytes: Buffer } {
  const id = `content-${++serial}`;
  // Some are several parts, and most of those are cut in one.
  const size = serial % 9 === 0 ? 9_000_000 : 2_000 + ((serial * 7919) % 400_000);
  return { id, bytes: contentOf(id, size) };
}

function contentOf(id: string, size: number): Buffer {
  const head = `${id} ${size}\n`;
  return Buffer.concat([Buffer.from(head), Buffer.alloc(Math.max(0, size - head.length), id)]);
}

/** The id of a whole file; undefined for anything else. */
function idOf(bytes: Buffer): string | undefined {
  const [id = '', size = ''] = bytes.toString('latin1', 0, 64).split('\n')[0]?.split(' ') ?? [];
  return /^content-\d+$/.test(id) && bytes.equals(contentOf(id, Number(size))) ? id : undefined;
}

/** What may lie at each name; `absent` is a possibility too. After an acknowledgement it is exactly one thing. */
class Expectations {
  readonly possible = new Map<string, Set<string>>();
  acknowledged = 0;

  maybe(name: string, id: string): void {
    const ids = this.possible.get(name) ?? new Set(['absent']);
    this.possible.set(name, ids.add(id));
  }

  sure(name: string, id: string): void {
    this.acknowledged++;
    this.possible.set(name, new Set([id]));
  }
}

describeFleet('three tasks that are killed in turn', () => {
  let test: TestFleet;
  let stopping = false;
  const expected = new Expectations();
  const lost: string[] = [];

  beforeAll(async () => {
    test = await openTestFleet();
  }, 120_000);
  afterAll(() => test?.close());

  async function upload(client: FleetClient, name: string, { id, bytes }: { id: string; bytes: Buffer }): Promise<void> {
    expected.maybe(name, id);
    await client.upload(name, bytes);
    expected.sure(name, id);
  }

  async function rename(client: FleetClient, from: string, to: string, id: string): Promise<void> {
    expected.maybe(to, id);
    expected.maybe(from, 'absent');
    await client.ask(`RNFR ${from}`, '350');
    await client.ask(`RNTO ${to}`, '250');
    expected.sure(to, id);
    expected.sure(from, 'absent');
  }

  /** One session, until it has been cut or has done a few things. */
  async function work(from: string, worker: number, turn: number): Promise<void> {
    const client = await test.connect({ from, implicit: turn % 2 === 1 });
    try {
      for (let step = 0; step < 6 && !stopping; step++) {
        const content = newContent();
        const known = [...expected.possible.keys()].filter((name) => name.startsWith(`w${worker}-`) && !name.endsWith('.part'));
        const name = known[serial % (known.length || 1)] ?? `w${worker}-first`;
        if (step % 3 === 0) {
          const fresh = `w${worker}-${serial}`;
          await upload(client, `${fresh}.part`, content);
          await rename(client, `${fresh}.part`, fresh, content.id);
        } else if (step % 3 === 1) {
          await upload(client, name, content);
        } else {
          await client.uploadCut(name, content.bytes.subarray(0, content.bytes.length / 2));
        }
      }
      await client.quit();
    } finally {
      client.close();
    }
  }

  async function workOn(_: unknown, worker: number): Promise<void> {
    for (let turn = 0; !stopping; turn++) {
      await work(addressOf(800 + worker), worker, turn).catch(async (error: Error) => {
        if (!/was answered (with nothing|4\d\d)|did not come in time|ECONN|EPIPE|socket|disconnected|aborted/i.test(error.message))
          lost.push(error.message);
        await new Promise((resolve) => setTimeout(resolve, 100));
      });
    }
  }

  async function differences(task: string, from: string): Promise<string[]> {
    test.adversary.pinned.set(from, task);
    const client = await test.connect({ from });
    try {
      const listed = new Set(await client.names());
      const wrong: string[] = [];
      for (const [name, ids] of expected.possible) {
        if (name.endsWith('.part')) continue;
        const bytes = listed.has(name) ? await client.download(name) : undefined;
        const id = bytes ? (idOf(bytes) ?? `${bytes.length} bytes that nobody sent`) : 'absent';
        if (!ids.has(id)) wrong.push(`${task}: ${name} is ${id}, possible: ${[...ids].join(', ')}`);
      }
      await client.quit();
      return wrong;
    } finally {
      client.close();
    }
  }

  it(`lose nothing that was acknowledged and show nothing half in ${kills} kills`, async () => {
    const working = Promise.all(Array.from({ length: workers }, workOn));
    for (let round = 0; round < kills; round++) {
      const before = expected.acknowledged;
      await until(() => expected.acknowledged > before + (round % 3), 'something is acknowledged', 90_000);
      await new Promise((resolve) => setTimeout(resolve, (round * 37) % 400));
      await test.fleet.retire(test.fleet.tasks[round % test.fleet.tasks.length] as FleetTask, 'SIGKILL');
      await test.fleet.add();
    }
    stopping = true;
    await working;
    expect(lost).toEqual([]);
    expect(expected.acknowledged).toBeGreaterThan(kills * 2);
    // What the dead left is carried on by the living, as soon as they are sure.
    let wrong: string[] = [];
    await until(
      async () => {
        const looks = test.fleet.tasks.map(({ name }, index) => differences(name, addressOf(820 + index)));
        wrong = (await Promise.all(looks)).flat();
        return wrong.length === 0;
      },
      'every task tells what was acknowledged',
      45_000,
    ).catch(() => undefined);
    expect(wrong).toEqual([]);
  });
});
