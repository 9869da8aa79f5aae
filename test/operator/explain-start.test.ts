import { Failure } from '../../runtime/model/failure';
import { explainFetch, explainStart } from '../../runtime/operator/explain-start';

const refused = (code: string, path?: string) => Object.assign(new Error(`${code}: the system's words`), { code, path });

it.each([
  ['EACCES', 'cannot be written: give this user the right to it'],
  ['EPERM', 'cannot be written: give this user the right to it'],
  ['EROFS', 'cannot be written: give this user the right to it'],
  ['ENOTDIR', 'cannot be a folder'],
  ['EEXIST', 'cannot be a folder'],
  ['ENOSPC', 'is full: make room'],
  ['EDQUOT', 'is full: make room'],
])('%s is told in one line, with the place and what to do', (code, text) => {
  const line = explainStart(refused(code, '/srv/causeway/index'), '/srv/causeway');
  expect(line).toContain('/srv/causeway/index');
  expect(line).toContain(text);
  expect(line).toContain('CAUSEWAY_DATA');
  expect(line).not.toContain('\n');
});

it('a folder that cannot be made where it was asked for is told, another file that is missing speaks for itself', () => {
  const missing = refused('ENOENT', '/proc/causeway');
  expect(explainStart(Object.assign(missing, { syscall: 'mkdir' }), '/proc/causeway/data')).toBe(
    '/proc/causeway cannot be made in this place: choose another folder with CAUSEWAY_DATA',
  );
  expect(explainStart(Object.assign(refused('ENOENT', '/etc/cert.pem'), { syscall: 'open' }), '/d')).toBe("ENOENT: the system's words");
});

it.each([
  new Error('MDB_CORRUPTED: Located page was wrong type'),
  new Failure('store-unavailable', 'The index is not available.', { cause: new Error('MDB_PAGE_NOTFOUND: Requested page not found') }),
])('%s is told as damage, with the way out', (error) => {
  expect(explainStart(error, '/srv/causeway')).toMatch(
    /^the index is damaged: MDB_\w+: .*\. Move \/srv\/causeway\/index away, .*operations\.md$/,
  );
});

it('an index that is only full is not called damaged', () => {
  expect(explainStart(new Error('MDB_MAP_FULL: Environment mapsize limit reached'), '/d')).toMatch(/^MDB_MAP_FULL/);
});

it.each([
  ['Region is missing', 'set CAUSEWAY_REGION'],
  ['AccessDenied', 'check its value, CAUSEWAY_REGION and the rights of this machine'],
])('a certificate that cannot be fetched (%s) names its setting, and says: %s', (message, advice) => {
  expect(explainFetch('CAUSEWAY_CERTIFICATE_ARN', new Error(message))).toBe(
    `the certificate that CAUSEWAY_CERTIFICATE_ARN names cannot be fetched (${message}): ${advice}`,
  );
});

it('an error without a place is one of the data folder', () => {
  expect(explainStart(refused('EACCES'), '/srv/causeway')).toMatch(/^\/srv\/causeway cannot be written/);
});

it('the lock, which is written first, stands for its folder', () => {
  expect(explainStart(refused('EACCES', '/srv/causeway/.lock-ABC'), '/d')).toMatch(/^\/srv\/causeway cannot be written/);
});

it('an error that explains itself is told as it is', () => {
  expect(explainStart(new Error('port 127.0.0.1:2121 is in use by another program'), '/d')).toBe(
    'port 127.0.0.1:2121 is in use by another program',
  );
});
