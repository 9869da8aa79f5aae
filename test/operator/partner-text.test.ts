import { defaultSwitches, type User } from '../../runtime/model/user';
import { partnerAsData, partnerAsLine, partnerAsText } from '../../runtime/operator/partner-text';

const acme: User = {
  name: 'acme',
  home: 'partners/acme',
  enabled: false,
  passwordHashes: ['$argon2id$one', '$argon2id$two'],
  rights: ['write', 'mkdir'],
  directories: { '/out': ['list', 'read'], '/locked': [] },
  allowedAddresses: ['192.0.2.0/24'],
  maxSessions: 3,
  switches: { ...defaultSwitches, temporaryDirectories: ['tmp', 'work'] },
  created: 1,
};

it('no form of a partner shows a hash', () => {
  const shown = JSON.stringify(partnerAsData(acme)) + partnerAsLine(acme) + partnerAsText(acme);
  expect(shown).not.toContain('argon2');
});

it('programs read the number of valid passwords, and the password that was made up', () => {
  expect(partnerAsData(acme, 'made-up')).toMatchObject({ name: 'acme', passwords: 2, password: 'made-up', directories: acme.directories });
});

it('a list has one line a partner', () => {
  expect(partnerAsLine(acme)).toBe('acme\tpartners/acme\tdisabled\twrite,mkdir\n');
  expect(partnerAsLine({ ...acme, enabled: true, rights: [] })).toBe('acme\tpartners/acme\tenabled\tnone\n');
});

it('people read everything', () => {
  const text = partnerAsText(acme);
  for (const line of [
    'acme (disabled)',
    'home: partners/acme',
    'rights: write, mkdir',
    '  /out: list, read',
    '  /locked: none',
    'addresses: 192.0.2.0/24',
    'sessions: 3',
    'largest file: unlimited',
    'passwords valid now: 2',
    '  temporaryDirectories=tmp,work',
    '  endOfData=strict',
  ]) {
    expect(text.split('\n')).toContain(line);
  }
});
