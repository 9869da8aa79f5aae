import { isTemporary, storedKeyOf } from '../../runtime/filesystem/temporary-names';
import { at, makeUser } from '../support/filesystem';

const { switches } = makeUser();
const on = makeUser({ switches: { ...switches, temporaryDirectories: ['tmp', 'Draft'] } });
const off = makeUser({ switches: { ...switches, temporaryNames: 'off', temporaryDirectories: ['tmp'] } });

it.each([
  ['/a.tmp', true],
  ['/a.TMP', true],
  ['/a.part', true],
  ['/a.Partial', true],
  ['/dir/a.filepart', true],
  ['/dir/.in.a', true],
  ['/dir/.IN.a', true],
  ['/tmp/a', true],
  ['/x/Draft/y/a', true],
  ['/a', false],
  ['/a.tmp.csv', false],
  ['/atmp', false],
  ['/.in', false],
  ['/x.in.a', false],
  // The name of a directory above counts only when the partner says so.
  ['/a.tmp/b', false],
  ['/draft/a', false],
  // The directory itself is no file in it.
  ['/tmp', false],
])('%s is temporary: %s', (path, temporary) => {
  expect(isTemporary(on, at(path))).toBe(temporary);
  expect(isTemporary(off, at(path))).toBe(false);
});

it('a temporary file lies outside every home, a lasting one where its path says', () => {
  expect(storedKeyOf(on, at('/in/a.part'))).toBe('.temporary/acme/in/a.part');
  expect(storedKeyOf(on, at('/in/a'))).toBe('acme/in/a');
  expect(storedKeyOf(off, at('/in/a.part'))).toBe('acme/in/a.part');
});
