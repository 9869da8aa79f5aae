import { explainStart } from '../../runtime/operator/explain-start';

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
