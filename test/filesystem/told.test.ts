import { ToldSizes } from '../../runtime/filesystem/told';

it('the last told of a path is what counts', () => {
  const sizes = new ToldSizes();
  sizes.tell('acme/a', { of: 'file', token: 'one', size: 1 });
  sizes.tell('acme/a', { of: 'file', token: 'two', size: 2 });
  expect(sizes.of('acme/a')).toEqual({ of: 'file', token: 'two', size: 2 });
  expect(sizes.of('acme/b')).toBeUndefined();
});

it('at its limit it forgets the path that was told longest ago, not the one that was told first', () => {
  const sizes = new ToldSizes(2);
  sizes.tell('a', { of: 'file', token: 'a', size: 1 });
  sizes.tell('b', { of: 'file', token: 'b', size: 1 });
  sizes.tell('a', { of: 'file', token: 'a', size: 2 });
  sizes.tell('c', { of: 'file', token: 'c', size: 1 });
  expect(['a', 'b', 'c'].map((key) => sizes.of(key)?.size)).toEqual([2, undefined, 1]);
});

it('holds ten thousand paths unless told otherwise', () => {
  const sizes = new ToldSizes();
  for (let index = 0; index <= 10_000; index++) sizes.tell(`key ${index}`, { of: 'file', token: 'a', size: index });
  expect(sizes.of('key 0')).toBeUndefined();
  expect(sizes.of('key 1')?.size).toBe(1);
});

describe('what is gone', () => {
  const told = (of: 'file' | 'upload') => ({ of, token: 'one', size: 1 });

  it('is forgotten with all that lay below it, and with nothing else', () => {
    const sizes = new ToldSizes();
    for (const key of ['acme/d', 'acme/d/a', 'acme/d/e/a', 'acme/da', 'acme/e']) sizes.tell(key, told('file'));
    sizes.forget('acme/d');
    expect(['acme/d', 'acme/d/a', 'acme/d/e/a', 'acme/da', 'acme/e'].map((key) => sizes.of(key) !== undefined)).toEqual([
      false,
      false,
      false,
      true,
      true,
    ]);
  });

  it('is what a listing that came to its end did not tell: files of this directory, no upload under way', () => {
    const sizes = new ToldSizes();
    for (const key of ['acme/d/gone', 'acme/d/there', 'acme/d/e/a', 'acme/a']) sizes.tell(key, told('file'));
    sizes.tell('acme/d/coming', told('upload'));
    const listed = sizes.listing('acme/d');
    sizes.tell('acme/d/there', told('file'));
    expect(sizes.of('acme/d/gone')).toBeDefined();
    listed();
    const keys = ['acme/d/gone', 'acme/d/there', 'acme/d/e/a', 'acme/a', 'acme/d/coming'];
    expect(keys.filter((key) => !sizes.of(key))).toEqual(['acme/d/gone']);
  });
});
