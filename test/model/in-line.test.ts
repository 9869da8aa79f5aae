import { InLine } from '../../runtime/model/in-line';

const never = () => new Promise<void>(() => undefined);

it('runs so many of one name at once, the others in the order in which they came, and other names beside them', async () => {
  const line = new InLine(2);
  const begun: string[] = [];
  const ends: (() => void)[] = [];
  const work = (what: string) => () => {
    begun.push(what);
    return new Promise<void>((resolve) => ends.push(resolve));
  };
  const all = ['a', 'b', 'c', 'd'].map((what) => line.run('one', work(what)));
  const other = line.run('other', work('x'));
  expect(begun).toEqual(['a', 'b', 'x']);
  ends.shift()?.();
  await all[0];
  expect(begun).toEqual(['a', 'b', 'x', 'c']);
  while (ends.length > 0) {
    ends.shift()?.();
    await new Promise(setImmediate);
  }
  await Promise.all([...all, other]);
  expect(begun).toEqual(['a', 'b', 'x', 'c', 'd']);
});

it('lets a thousand wait, and tells the next to try again', async () => {
  const line = new InLine(1);
  for (let count = 0; count <= 1_000; count++) void line.run('one', never);
  await expect(line.run('one', never)).rejects.toMatchObject({ kind: 'busy' });
  await expect(line.run('other', async () => 'done')).resolves.toBe('done');
});

it('gives its place on when the work fails', async () => {
  const line = new InLine(1);
  const failed = line.run('one', () => Promise.reject(new Error('no')));
  const next = line.run('one', async () => 'done');
  await expect(failed).rejects.toThrow('no');
  await expect(next).resolves.toBe('done');
});
