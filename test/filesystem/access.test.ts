import { may, requireRight, rightsAt } from '../../runtime/filesystem/access';
import { Failure } from '../../runtime/model/failure';
import { at, makeUser } from '../support/filesystem';

const user = makeUser({
  rights: ['list'],
  directories: { '/in': ['write'], '/in/secret': [], '/in/secret/open': ['read', 'list'] },
});

it.each([
  ['/', ['list']],
  ['/other/file', ['list']],
  ['/in', ['write']],
  ['/in/file', ['write']],
  // A name that only begins like the directory is another one.
  ['/inner', ['list']],
  ['/in/secret', []],
  ['/in/secret/file', []],
  ['/in/secret/open/file', ['read', 'list']],
])('at %s the longest directory that holds it decides', (path, rights) => {
  expect(rightsAt(user, at(path))).toEqual(rights);
});

it('any one of the rights asked for is enough', () => {
  expect(() => requireRight(user, at('/in/file'), 'read', 'write')).not.toThrow();
  expect(may(user, at('/in/file'), 'write')).toBe(true);
  expect(may(user, at('/in/file'), 'read')).toBe(false);
});

it('a refusal says what is missing, in words', () => {
  expect(() => requireRight(user, at('/in/file'), 'mkdir', 'delete')).toThrow(
    new Failure('not-allowed', 'Permission denied: this account may not make directories or delete here.'),
  );
});
