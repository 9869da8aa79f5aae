import { BudgetedPartBuffers, smallestPart } from '../../runtime/adapters/memory/budgeted-part-buffers';
import { PartBuffer } from '../../runtime/adapters/s3/part-buffer';
import type { Admission } from '../../runtime/ports/part-buffers';
import { FakeClock, settle } from '../support/fake-clock';

const mebibyte = 1024 * 1024;

/** Takes until there is no more. */
function takeAll(admission: Admission, size: number): Buffer[] {
  const taken: Buffer[] = [];
  for (let buffer = admission.take(size); buffer; buffer = admission.take(size)) taken.push(buffer);
  return taken;
}

describe('part buffers', () => {
  it.each([
    [1, 1],
    [smallestPart, 1],
    [2 * smallestPart - 1, 1],
    [2 * smallestPart, 2],
    [64 * mebibyte, 12],
  ])('of a budget of %i bytes admit %i uploads at once', (budget, most) => {
    const buffers = new BudgetedPartBuffers(budget, new FakeClock());
    const admitted = Array.from({ length: most }, () => buffers.admit('acme'));
    expect(() => buffers.admit('other')).toThrow(`Too many uploads at once: the server takes ${most}. Try again in a moment.`);
    admitted[0]?.end();
    admitted[0]?.end();
    buffers.admit('other');
    expect(() => buffers.admit('other')).toThrow(expect.objectContaining({ kind: 'too-many-uploads' }));
  });

  it('never exceed the budget, whatever sizes are asked for', () => {
    const buffers = new BudgetedPartBuffers(20 * mebibyte, new FakeClock());
    const admissions = ['a', 'b', 'c'].map((partner) => buffers.admit(partner));
    const held: [Admission, Buffer][] = [];
    let seed = 7;
    const random = (below: number) => {
      seed = (seed * 48271) % 2147483647;
      return seed % below;
    };
    for (let turn = 0; turn < 5_000; turn++) {
      const admission = admissions[random(3)] as Admission;
      const wanted = 256 * 1024 * 2 ** random(5);
      const buffer = random(3) > 0 ? admission.take(wanted) : undefined;
      if (buffer) held.push([admission, buffer]);
      else if (held.length > 0) {
        const [owner, other] = held.splice(random(held.length), 1)[0] as [Admission, Buffer];
        owner.give(other);
      }
      expect(buffers.used).toBe(held.reduce((sum, [, { length }]) => sum + length, 0));
      expect(buffers.used).toBeLessThanOrEqual(buffers.budget);
    }
    for (const [admission, buffer] of held) admission.give(buffer);
    expect(buffers.used).toBe(0);
  });

  it('let one partner have all of it when nobody waits', () => {
    const buffers = new BudgetedPartBuffers(20 * mebibyte, new FakeClock());
    expect(takeAll(buffers.admit('acme'), mebibyte)).toHaveLength(20);
  });

  it('give a partner who holds more than half nothing more while another waits', async () => {
    const buffers = new BudgetedPartBuffers(20 * mebibyte, new FakeClock());
    const greedy = buffers.admit('greedy');
    const modest = buffers.admit('modest');
    const taken = takeAll(greedy, mebibyte);
    expect(modest.take(mebibyte)).toBeUndefined();
    let woken = 0;
    const again = modest.available().then(() => {
      woken++;
    });
    await settle(1);
    expect(woken).toBe(0);
    greedy.give(taken.pop() as Buffer);
    await again;
    expect(modest.take(mebibyte)).toHaveLength(mebibyte);
    modest.available().catch(() => undefined);
    for (const buffer of taken.splice(0, 15)) greedy.give(buffer);
    modest.available().catch(() => undefined);
    // Greedy holds four, modest one: up to half for him while modest waits.
    expect(takeAll(greedy, mebibyte)).toHaveLength(6);
  });

  it('are there for the least of every upload, of a partner who has more than half and while others wait', async () => {
    const buffers = new BudgetedPartBuffers(20 * mebibyte, new FakeClock());
    const uploads = ['many', 'many', 'many', 'few'].map((partner) => buffers.admit(partner));
    for (const upload of uploads) upload.available().catch(() => undefined);
    for (let round = 0; round < 5; round++) for (const upload of uploads) expect(upload.take(mebibyte)).toHaveLength(mebibyte);
    expect(buffers.used).toBe(20 * mebibyte);
  });

  it('are not kept from a partner for somebody who has gone, nor for himself', () => {
    const buffers = new BudgetedPartBuffers(20 * mebibyte, new FakeClock());
    const greedy = buffers.admit('greedy');
    const gone = buffers.admit('gone');
    gone.available().catch(() => undefined);
    greedy.available().catch(() => undefined);
    expect(takeAll(greedy, mebibyte)).toHaveLength(10);
    gone.end();
    expect(takeAll(greedy, mebibyte)).toHaveLength(10);
  });

  it('are all there for the next upload, and let go but for an eighth when none comes for a minute', async () => {
    const clock = new FakeClock();
    const buffers = new BudgetedPartBuffers(20 * mebibyte, clock);
    const first = buffers.admit('acme');
    const mine = new Set(takeAll(first, mebibyte / 4));
    const stillThere = (admission: Admission) => {
      const taken = takeAll(admission, mebibyte / 4);
      expect(taken).toHaveLength(80);
      for (const buffer of taken) admission.give(buffer);
      admission.end();
      return taken.filter((buffer) => mine.has(buffer)).length;
    };
    for (const buffer of mine) first.give(buffer);
    first.end();
    await clock.advance(59_000);
    const second = buffers.admit('acme');
    // One that has begun is no minute without any.
    await clock.advance(120_000);
    expect(stillThere(second)).toBe(80);
    await clock.advance(60_000);
    expect(stillThere(buffers.admit('acme'))).toBe(10);
  });

  it('are let go at once when the server ends', async () => {
    const clock = new FakeClock();
    const buffers = new BudgetedPartBuffers(20 * mebibyte, clock);
    const first = buffers.admit('acme');
    const mine = new Set(takeAll(first, mebibyte / 4));
    for (const buffer of mine) first.give(buffer);
    first.end();
    buffers.close();
    expect(takeAll(buffers.admit('acme'), mebibyte / 4).filter((buffer) => mine.has(buffer)).length).toBe(0);
  });

  it('that cannot grow wake nobody: two uploads that wait for more would wake each other, and the process would do nothing else', async () => {
    const buffers = new BudgetedPartBuffers(10 * mebibyte, new FakeClock());
    const clock = new FakeClock();
    const parts = ['one', 'two'].map((partner) => ({ admission: buffers.admit(partner), part: undefined as PartBuffer | undefined }));
    let woken = 0;
    for (const each of parts) {
      each.part = new PartBuffer(each.admission, clock);
      while (each.part.makeRoom(5 * mebibyte)) each.part.fill(Buffer.alloc(mebibyte / 4), 0);
      void each.admission.available().then(() => {
        woken++;
      });
    }
    expect(buffers.used).toBe(10 * mebibyte);
    for (const { part } of parts) expect(part?.makeRoom(8 * mebibyte)).toBe(false);
    await settle(1);
    expect(woken).toBe(0);
    parts[0]?.part?.drop();
    await settle(1);
    expect(woken).toBe(2);
    expect(parts[1]?.part?.makeRoom(8 * mebibyte)).toBe(true);
    expect(parts[1]?.part?.filled).toBe(5 * mebibyte);
  });

  it('are used again, and do not keep the memory of sizes that nobody asks for', () => {
    const buffers = new BudgetedPartBuffers(20 * mebibyte, new FakeClock());
    const admission = buffers.admit('acme');
    const first = admission.take(mebibyte) as Buffer;
    admission.give(first);
    expect(admission.take(mebibyte)).toBe(first);
    admission.give(first);
    expect(takeAll(admission, 2 * mebibyte)).toHaveLength(10);
  });
});
