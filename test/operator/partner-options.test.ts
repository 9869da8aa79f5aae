import { OperatorError } from '../../runtime/operator/operator-error';
import {
  parseDirectories,
  parseLimit,
  parseRights,
  parseSwitches,
  partnerChanges,
  switchNames,
} from '../../runtime/operator/partner-options';

function refusalOf(work: () => unknown): OperatorError {
  try {
    work();
  } catch (error) {
    if (error instanceof OperatorError) return error;
    throw error;
  }
  throw new Error('it was not refused');
}

it.each([
  ['all', ['list', 'read', 'write', 'overwrite', 'delete', 'rename', 'mkdir']],
  ['drop-box', ['write', 'mkdir']],
  ['none', []],
  ['write,list', ['list', 'write']],
  [' read , read ', ['read']],
])('the rights %j are %j', (text, rights) => {
  expect(parseRights(text)).toEqual(rights);
});

it.each(['', 'admin', 'list,', 'LIST', 'all,read'])('%j are no rights, and the answer names those there are', (text) => {
  const refusal = refusalOf(() => parseRights(text));
  expect(refusal.kind).toBe('usage');
  expect(refusal.message).toContain('list, read, write, overwrite, delete, rename, mkdir');
});

it.each([
  [['/out=list,read'], { '/out': ['list', 'read'] }],
  [['/a=none', '/b='], { '/a': [], '/b': undefined }],
  [['/a=b=read'], { '/a=b': ['read'] }],
])('the directories %j are %j', (given, directories) => {
  expect(parseDirectories(given)).toEqual(directories);
});

it.each(['/out', '=read', ''])('%j is no directory with rights', (given) => {
  expect(refusalOf(() => parseDirectories([given])).kind).toBe('usage');
});

it.each([
  ['endOfData=warn', { endOfData: 'warn' }],
  ['dataTlsReuse=require', { dataTlsReuse: 'require' }],
  ['dataPeer=session', { dataPeer: 'session' }],
  ['allowClearData=true', { allowClearData: true }],
  ['pbszRequired=false', { pbszRequired: false }],
  ['temporaryNames=off', { temporaryNames: 'off' }],
  ['temporaryDirectories=tmp,in work', { temporaryDirectories: ['tmp', 'in work'] }],
  ['temporaryDirectories=', { temporaryDirectories: [] }],
  ['legacyCharset=windows-1252', { legacyCharset: 'windows-1252' }],
  ['legacyCharset=none', { legacyCharset: undefined }],
])('the switch %j is %j', (given, switches) => {
  expect(parseSwitches([given])).toEqual(switches);
});

it.each([
  'endOfData',
  'endOfData=',
  'endOfData=lax',
  'endOfData=warn=off',
  'allowCcc=yes',
  'colour=red',
  'constructor=true',
  '=warn',
  'temporaryDirectories=a/b',
  'temporaryDirectories=a,',
])('%j is no switch', (given) => {
  expect(refusalOf(() => parseSwitches([given])).kind).toBe('usage');
});

it('every switch can be set', () => {
  expect(switchNames).toHaveLength(12);
});

it.each([
  ['1', 1],
  ['999999999999999', 999_999_999_999_999],
  ['none', undefined],
])('the limit %j is %p', (text, limit) => {
  expect(parseLimit('--max-file', text)).toBe(limit);
});

it.each(['0', '-1', '1.5', '', '1000000000000000', '10MiB'])('%j is no limit', (text) => {
  expect(refusalOf(() => parseLimit('--max-file', text)).message).toContain('--max-file');
});

it('changes hold only what was named, for what is not there stays as it is', () => {
  expect(partnerChanges({})).toEqual({});
  expect(Object.keys(partnerChanges({ maxSessions: 'none' }))).toEqual(['maxSessions']);
  expect(partnerChanges({ allow: ['192.0.2.0/24,198.51.100.0/24', '2001:db8::/32'] })).toEqual({
    allowedAddresses: ['192.0.2.0/24', '198.51.100.0/24', '2001:db8::/32'],
  });
  expect(partnerChanges({ allow: ['any'] })).toEqual({ allowedAddresses: [] });
  for (const allow of [['any', '192.0.2.0/24'], ['192.0.2.0/24,any']])
    expect(() => partnerChanges({ allow })).toThrow('--allow any lifts the limit that --allow 192.0.2.0/24 sets: give one of them');
});
