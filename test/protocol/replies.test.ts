import * as replies from '../../runtime/protocol/replies';
import { encodeReply, type Reply } from '../../runtime/protocol/reply';

type Made = { [K in keyof typeof replies]: (typeof replies)[K] extends (...given: never[]) => Reply ? K : never }[keyof typeof replies];

/** One of each reply that is made from something; a new one does not compile until it is here. */
const made: Record<Made, Reply> = {
  greeting: replies.greeting('s-7F3K2Q'),
  idleTooLong: replies.idleTooLong(300),
  loginTooSlow: replies.loginTooSlow(30),
  badSequence: replies.badSequence('Not now.'),
  typeSet: replies.typeSet('I'),
  restartMarked: replies.restartMarked(1234),
  factsSet: replies.factsSet(['type', 'size']),
  enteringPassive: replies.enteringPassive('192.0.2.1', 8192),
  enteringExtendedPassive: replies.enteringExtendedPassive(8192),
  familyUnsupported: replies.familyUnsupported(1),
  openingData: replies.openingData('Here it comes.'),
  openingFile: replies.openingFile(1234),
  openingUnique: replies.openingUnique('upload.1'),
  currentDirectory: replies.currentDirectory('/a b'),
  directoryMade: replies.directoryMade('/a "b"'),
  size: replies.size(1234),
  modified: replies.modified('20240101000000'),
  modifySet: replies.modifySet('20240101000000', '/a'),
  facts: replies.facts('type=file; /a', '/a'),
  badName: replies.badName('it holds a backslash', true),
  undecodable: replies.undecodable(true),
  features: replies.features(['UTF8', 'SIZE']),
  help: replies.help(['USER PASS']),
  helpOf: replies.helpOf('STOR path'),
  status: replies.status(['TYPE I']),
  statusOfFile: replies.statusOfFile(['-rw-r--r--']),
  statusOfDirectory: replies.statusOfDirectory(['-rw-r--r--']),
  failed: replies.failed('refused', 'No such file or directory.'),
};

function isReply(value: unknown): value is Reply {
  return typeof value === 'object' && value !== null && 'code' in value;
}

const all: readonly (readonly [string, Reply])[] = [
  ...Object.entries(made),
  ...Object.entries(replies).flatMap(([name, value]) => (isReply(value) ? [[name, value] as const] : [])),
];

/** Every number that this server sends; a new situation takes one of them (RFC 959 §4.2). */
const numbers = [
  150, 200, 202, 211, 212, 213, 214, 215, 220, 221, 226, 227, 229, 230, 234, 250, 257, 331, 350, 421, 425, 426, 450, 451, 452, 500, 501,
  502, 503, 504, 521, 522, 530, 533, 534, 536, 537, 550, 552, 553, 554,
];

describe.each(all)('%s', (_, reply) => {
  const text = reply.lines.join('\n');

  it('has a number in use', () => {
    expect([...numbers]).toContain(reply.code);
  });

  it('is English in ASCII, and says something', () => {
    expect(text).toMatch(/^[\n\x20-\x7e]+$/);
    expect(reply.lines.at(-1)).not.toBe('');
  });

  it('has parentheses only where clients look for them', () => {
    if (/[()]/.test(text)) expect([150, 227, 229, 522]).toContain(reply.code);
  });

  it('has several lines only where clients expect them', () => {
    if (reply.lines.length > 1) expect([211, 212, 213, 214, 250]).toContain(reply.code);
  });

  it('names no product: clients switch their behaviour on known names', () => {
    expect(text).not.toMatch(/causeway|filezilla|pure-?ftpd|vsftpd|proftpd|serv-u|vms|mvs|os\/400|nonstop|z\/vm|bs-?2000|windows/i);
  });
});

it('knows every number that it uses, and uses every number that it knows', () => {
  const used = new Set([...all.map(([, reply]) => reply.code), ...Object.values(replies.failureCodes)]);
  expect([...used].sort()).toEqual(numbers);
});

describe('texts that clients take apart', () => {
  const encode = (reply: Reply) => encodeReply(reply, 's-7F3K2Q');

  it.each([
    ['banner', replies.greeting('s-7F3K2Q'), '220 FTPS server ready s-7F3K2Q\r\n'],
    ['PASV', replies.enteringPassive('203.0.113.5', 8239), '227 Entering Passive Mode (203,0,113,5,32,47).\r\n'],
    ['EPSV', replies.enteringExtendedPassive(8239), '229 Entering Extended Passive Mode (|||8239|)\r\n'],
    ['EPSV of another family', replies.familyUnsupported(2), '522 Network protocol not supported, use (2) [s-7F3K2Q]\r\n'],
    ['RETR', replies.openingFile(5_000_000_000), '150 Opening data connection (5000000000 bytes).\r\n'],
    ['STOU', replies.openingUnique('a.csv.1'), '150 FILE: a.csv.1\r\n'],
    ['SIZE', replies.size(1234), '213 1234\r\n'],
    ['MDTM', replies.modified('20240101000000'), '213 20240101000000\r\n'],
    ['MFMT', replies.modifySet('20240101000000', '/a b'), '213 Modify=20240101000000; /a b\r\n'],
    ['PWD', replies.currentDirectory('/a "b"'), '257 "/a ""b""" is the current directory\r\n'],
    ['MKD', replies.directoryMade('/a'), '257 "/a" created\r\n'],
    ['SYST', replies.system, '215 UNIX Type: L8\r\n'],
    ['PBSZ', replies.bufferSizeAccepted, '200 PBSZ=0\r\n'],
    ['OPTS MLST', replies.factsSet(['type', 'size']), '200 MLST OPTS type;size;\r\n'],
    ['OPTS MLST without facts', replies.factsSet([]), '200 MLST OPTS\r\n'],
    ['FEAT', replies.features(['AUTH TLS', 'UTF8']), '211-Features:\r\n AUTH TLS\r\n UTF8\r\n211 End\r\n'],
    ['HELP', replies.help(['USER PASS']), '214-Commands:\r\n USER PASS\r\n214 End\r\n'],
    ['MLST', replies.facts('type=dir; /a', '/a'), '250-Listing /a\r\n type=dir; /a\r\n250 End\r\n'],
    ['end of a transfer', replies.transferComplete, '226 Transfer complete.\r\n'],
    ['shutdown', replies.restarting, '421 Server restarting, reconnect now. [s-7F3K2Q]\r\n'],
  ])('%s', (_, reply, expected) => {
    expect(encode(reply)).toBe(expected);
  });

  it('a name cannot begin a reply of its own', () => {
    expect(encode(replies.currentDirectory('/a\r\n226 Transfer complete.'))).toBe(
      '257 "/a??226 Transfer complete." is the current directory\r\n',
    );
    expect(encode(replies.openingUnique('a\r\nb'))).toBe('150 FILE: a??b\r\n');
  });

  it('PWD has one quoted string and no more: some clients take the first quote and the last', () => {
    expect(replies.currentDirectory('/a').lines.join('').match(/"/g)).toHaveLength(2);
  });
});

describe('names that may not be used', () => {
  it.each([
    [replies.badName('it holds a backslash', true), 553],
    [replies.badName('it holds a backslash', false), 550],
    [replies.undecodable(true), 553],
    [replies.undecodable(false), 501],
  ])('$lines', (reply, code) => {
    expect(reply.code).toBe(code);
  });
});

describe('failed', () => {
  it.each([
    ['noDataConnection', 425],
    ['transferBroken', 426],
    ['busy', 450],
    ['storage', 451],
    ['noSpace', 452],
    ['dataTls', 522],
    ['refused', 550],
    ['tooLarge', 552],
    ['nameRefused', 553],
    ['restartImpossible', 554],
  ] as const)('%s is %i', (situation, code) => {
    expect(replies.failed(situation, 'x').code).toBe(code);
  });

  it('keeps the text, without the parentheses that some clients would take for an address', () => {
    expect(replies.failed('busy', '/in/a (1).csv is being uploaded.').lines).toEqual(['/in/a 1.csv is being uploaded.']);
  });
});
