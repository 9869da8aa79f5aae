import { claimKey, endedKey } from '../../runtime/filesystem/rows';
import { Transaction, transact } from '../../runtime/filesystem/transaction';
import type { Claim } from '../../runtime/model/change';
import { Failure } from '../../runtime/model/failure';
import type { MetadataStore, Write } from '../../runtime/ports/metadata-store';
import { runUntilDone } from '../support/fake-clock';
import { kindOf, oneProcess } from '../support/one-process';

const row = claimKey({ parent: 'acme', name: 'a' });
const claim = (sequence: number): Claim => ({ state: 'free', sequence, begun: 0, expires: 0 });

/** A store whose transactions the test answers; what it does not answer is really done. */
function make(answer: (writes: readonly Write[]) => Promise<boolean | undefined>) {
  const made = oneProcess();
  const calls = { transact: 0, get: 0 };
  const metadata: MetadataStore = Object.assign(Object.create(made.metadata) as MetadataStore, {
    get: (...args: Parameters<MetadataStore['get']>) => {
      calls.get++;
      return made.metadata.get(...args);
    },
    transact: async (writes: readonly Write[]) => {
      calls.transact++;
      return (await answer(writes)) ?? made.metadata.transact(writes);
    },
  });
  return { ...made, fs: { ...made.fs, metadata }, calls };
}

const unavailable = () => new Failure('store-unavailable', 'Storage is not available; try again later.');
const really = async () => undefined;

it('what was read is a condition: when it has changed, the rule runs again on what is true now', async () => {
  const { fs, clock, metadata } = make(really);
  let runs = 0;
  const rule = async (tx: Transaction) => {
    const before = await tx.get(row);
    if (runs++ === 0) await metadata.transact([{ kind: 'put', key: row, value: claim(7), expected: 'absent' }]);
    tx.put(row, claim((before?.sequence ?? 0) + 1));
    return before?.sequence;
  };
  const seen = await runUntilDone(clock, transact(fs, rule));
  expect([runs, seen]).toEqual([2, 7]);
  expect((await metadata.get([row]))[0]?.value.sequence).toBe(8);
});

it('a row that was only read is a condition too', async () => {
  const { fs, clock, metadata } = make(really);
  const other = endedKey('x');
  let runs = 0;
  const rule = async (tx: Transaction) => {
    await tx.get(row);
    await tx.get(other);
    if (runs++ === 0) await metadata.transact([{ kind: 'put', key: row, value: claim(1), expected: 'absent' }]);
    tx.put(other, {} as never);
  };
  await runUntilDone(clock, transact(fs, rule));
  expect(runs).toBe(2);
});

it('a rule that writes nothing asks nothing of the store', async () => {
  const { fs, calls } = make(really);
  await transact(fs, (tx) => tx.get(row));
  expect(calls.transact).toBe(0);
});

it('what is loaded together is read in one request, and once', async () => {
  const { fs, calls } = make(really);
  await transact(fs, async (tx) => {
    await tx.load([row, endedKey('x')]);
    await tx.load([row]);
    await tx.get(row);
  });
  expect(calls.get).toBe(1);
});

it('a write is seen by the reads that follow it; the last one of a row counts', async () => {
  const { fs, metadata } = make(really);
  await transact(fs, async (tx) => {
    await tx.get(row);
    tx.put(row, claim(1));
    tx.remove(row);
    expect(await tx.get(row)).toBeUndefined();
    tx.put(row, claim(2));
    expect((await tx.get(row))?.sequence).toBe(2);
  });
  expect((await metadata.get([row]))[0]?.value.sequence).toBe(2);
});

it('removing what is not there is a condition that it is not there', async () => {
  const { fs, metadata } = make(really);
  const tx = new Transaction(fs);
  await tx.get(row);
  tx.remove(row);
  await metadata.transact([{ kind: 'put', key: row, value: claim(1), expected: 'absent' }]);
  expect(await tx.commit()).toBe(false);
});

it('a row that was not read cannot be written', async () => {
  const { fs } = make(really);
  await expect(transact(fs, async (tx) => tx.put(row, claim(1)))).rejects.toThrow('without having been read');
});

const write = async (tx: Transaction) => {
  await tx.get(row);
  tx.put(row, claim(1));
};

it('after fifty refusals in a row it gives up and says that the path is busy', async () => {
  const { fs, clock, calls } = make(async () => false);
  expect(await runUntilDone(clock, kindOf(transact(fs, write)), 500)).toBe('busy');
  expect(calls.transact).toBe(50);
});

it('after five outages it gives up', async () => {
  const { fs, clock, calls } = make(async () => {
    throw unavailable();
  });
  expect(await runUntilDone(clock, kindOf(transact(fs, write)), 100)).toBe('store-unavailable');
  expect(calls.transact).toBe(5);
});

it('four outages are survived', async () => {
  let outages = 4;
  const { fs, clock, metadata } = make(async () => {
    if (outages-- > 0) throw unavailable();
    return undefined;
  });
  await runUntilDone(clock, transact(fs, write), 100);
  expect((await metadata.get([row]))[0]?.value.sequence).toBe(1);
});

it('what the rule itself throws is not tried again', async () => {
  const { fs, calls } = make(really);
  let runs = 0;
  const rule = async () => {
    runs++;
    throw new Failure('exists', 'There already.');
  };
  expect(await kindOf(transact(fs, rule))).toBe('exists');
  expect([runs, calls.transact]).toEqual([1, 0]);
});
