import { allRights, defaultSwitches, dropBoxRights, userNamePattern } from '../../runtime/model/user';

it.each(['a', 'acme', 'Acme', '4sight', 'a.b-c_d', 'x'.repeat(64)])('%j may be a partner', (name) => {
  expect(userNamePattern.test(name)).toBe(true);
});

it.each(['', '.acme', '-acme', '_acme', 'a/b', 'a\\b', 'a b', 'acme\n', 'a:b', 'ä', '..', 'x'.repeat(65), '$(id)', 'a\0'])(
  '%j may not be a partner, for names become folders, log fields and table keys',
  (name) => {
    expect(userNamePattern.test(name)).toBe(false);
  },
);

it('a drop box lets deliver and make folders, and neither see nor change anything', () => {
  expect([...dropBoxRights].sort()).toEqual(['mkdir', 'write']);
  expect(allRights).toEqual(expect.arrayContaining([...dropBoxRights]));
});

it('a new partner has the strict side of every switch', () => {
  expect(defaultSwitches).toEqual({
    endOfData: 'strict',
    dataTlsReuse: 'prefer',
    dataPeer: 'address',
    allowClearData: false,
    assumeProtP: false,
    pbszRequired: true,
    allowCcc: false,
    temporaryNames: 'on',
    temporaryDirectories: [],
    announcedSize: 'check',
    allowEmptyWithoutTls: false,
  });
});
