import { ToldSizes } from '../../runtime/filesystem/told';

it('the last told of a path is what counts', () => {
  const sizes = new ToldSizes();
  sizes.tell('acme/a', { token: 'one', size: 1 });
  sizes.tell('acme/a', { token: 'two', size: 2 });
  expect(sizes.of('acme/a')).toEqual({ token: 'two', size: 2 });
  expect(sizes.of('acme/b')).toBeUndefined();
});

it('at its limit it forgets the path that was told longest ago, not the one that was told first', () => {
  const sizes = new ToldSizes(2);
  sizes.tell('a', { token: 'a', size: 1 });
  sizes.tell('b', { token: 'b', size: 1 });
  sizes.tell('a', { token: 'a', size: 2 });
  sizes.tell('c', { token: 'c', size: 1 });
  expect(['a', 'b', 'c'].map((key) => sizes.of(key)?.size)).toEqual([2, undefined, 1]);
});

it('holds ten thousand paths unless told otherwise', () => {
  const sizes = new ToldSizes();
  for (let index = 0; index <= 10_000; index++) sizes.tell(`key ${index}`, { token: 'a', size: index });
  expect(sizes.of('key 0')).toBeUndefined();
  expect(sizes.of('key 1')?.size).toBe(1);
});
