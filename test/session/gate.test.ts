import { allRights, type Right } from '../../runtime/model/user';
import { commandTable } from '../../runtime/session/command-table';
import { password, startDialogue } from './dialogue';

/** Every verb before TLS, before login, without protection, without a data connection, and with every right taken away. */

const verbs = [...commandTable.keys()];

/** What every verb is sent with, so that only its gate can refuse it. */
const sample: Record<string, string> = {
  USER: 'alice',
  PASS: 'x',
  ACCT: 'x',
  AUTH: 'TLS',
  PBSZ: '0',
  PROT: 'P',
  TYPE: 'I',
  STRU: 'F',
  MODE: 'S',
  REST: '1',
  ALLO: '1',
  OPTS: 'UTF8 ON',
  CLNT: 'x',
  PORT: '192,0,2,7,4,1',
  EPRT: '|1|192.0.2.7|1025|',
  MFMT: '20240101000000 /f',
  SITE: 'UTIME 202401010000 /f',
  CWD: '/d',
  XCWD: '/d',
  MLSD: '/d',
  LIST: '/d',
  NLST: '/d',
  RMD: '/empty',
  XRMD: '/empty',
  MKD: '/new',
  XMKD: '/new',
  STOR: '/new',
  APPE: '/new',
  RNTO: '/new',
};
const withoutArgument = new Set([
  'FEAT',
  'REIN',
  'CCC',
  'CDC',
  'QUIT',
  'NOOP',
  'SYST',
  'PASV',
  'EPSV',
  'LANG',
  'HELP',
  'STAT',
  'STOU',
  'ABOR',
]);

function command(verb: string): string {
  return withoutArgument.has(verb) ? verb : `${verb} ${sample[verb] ?? '/f'}`;
}

const anywhere = ['AUTH', 'FEAT', 'HELP', 'NOOP', 'QUIT', 'SYST', 'OPTS', 'CLNT', 'LANG', 'REIN'];
const clearReplies: Record<string, string> = {
  AUTH: '234',
  FEAT: '211',
  HELP: '214',
  NOOP: '200',
  QUIT: '221',
  SYST: '215',
  OPTS: '200',
  CLNT: '200',
  LANG: '200',
  REIN: '220',
  HOST: '502',
  PBSZ: '503',
  PROT: '503',
  CDC: '503',
  ADAT: '503',
  MIC: '503',
  CONF: '503',
  ENC: '503',
  CCC: '533',
};

describe('before TLS', () => {
  it.each(verbs)('%s', async (verb) => {
    const { ask, view, data, control } = await startDialogue({ until: 'greeted' });
    const reply = await ask(command(verb));
    expect(reply.slice(0, 3)).toBe(clearReplies[verb] ?? '530');
    if (!clearReplies[verb]) expect(reply).toBe('530 TLS required: send AUTH TLS first. [s-TEST01]\r\n');
    expect([view.calls, data.prepares, data.transfers]).toEqual([[], [], []]);
    expect(control.destroyed).toBe(false);
  });

  it('nothing is said of arguments to verbs that need TLS', async () => {
    const { say } = await startDialogue({ until: 'greeted' });
    await say('> USER\n< 530\n> STOR\n< 530\n> CWD a\\b\n< 530\n> TYPE nonsense\n< 530\n> REST x\n< 530');
  });
});

const securedReplies: Record<string, string> = {
  ...clearReplies,
  AUTH: '503',
  USER: '331',
  PASS: '503',
  ACCT: '503',
  PBSZ: '200',
  PROT: '503',
  CDC: '503',
  CCC: '534',
  ADAT: '503',
  MIC: '537',
  CONF: '537',
  ENC: '537',
};

describe('before login', () => {
  it.each(verbs)('%s', async (verb) => {
    const { ask, view, data } = await startDialogue({ until: 'secured' });
    const reply = await ask(command(verb));
    expect(reply.slice(0, 3)).toBe(securedReplies[verb] ?? '530');
    if (!securedReplies[verb]) expect(reply).toBe('530 Not logged in. [s-TEST01]\r\n');
    expect([view.calls, data.prepares, data.transfers]).toEqual([[], [], []]);
  });

  it.each(verbs)('%s between USER and PASS', async (verb) => {
    const { ask, view } = await startDialogue({ until: 'secured' });
    await ask('USER alice');
    const reply = await ask(command(verb));
    const expected = verb === 'PASS' ? '' : (securedReplies[verb] ?? '530');
    expect(reply.slice(0, 3)).toBe(expected);
    expect(view.calls).toEqual([]);
  });

  it('nothing is said of arguments', async () => {
    const { say } = await startDialogue({ until: 'secured' });
    await say('> STOR\n< 530\n> CWD a\\b\n< 530\n> TYPE nonsense\n< 530\n> REST x\n< 530\n> MFMT\n< 530');
  });

  it('covers what may be said anywhere', () => expect(anywhere.filter((verb) => !clearReplies[verb])).toEqual([]));
});

const transfers = ['RETR /f', 'STOR /new', 'APPE /new', 'STOU', 'LIST', 'NLST', 'MLSD'];

describe.each(transfers)('%s', (transfer) => {
  it('wants protected data, before it wants a data connection', async () => {
    const { say, data } = await startDialogue({ until: 'secured' });
    await say(`> USER alice\n< 331\n> PASS ${password}\n< 230\n> ${transfer}\n< 521\n> EPSV\n< 229\n> ${transfer}\n< 521`);
    expect(data.transfers).toEqual([]);
  });

  it('wants a data connection', async () => {
    const { say } = await startDialogue();
    await say(`> ${transfer}\n< 425`);
  });

  it('goes in clear where the account may', async () => {
    const { ask, data, view } = await startDialogue({ until: 'secured', switches: { allowClearData: true } });
    view.file('/f', 'x');
    data.uploads.push('x');
    await ask('USER alice');
    await ask(`PASS ${password}`);
    await ask('PASV');
    expect(await ask(transfer)).toMatch(/^150 [^\n]*\n226 /);
    expect(data.last.request.protection).toBe('clear');
  });
});

/** Command, the rights of which all are needed, and what it says without. Written here and not read from the table: it is the table that is tested. */
const needs: readonly (readonly [string, readonly Right[], string])[] = [
  ['RETR /f', ['read'], '550'],
  ['STOR /new', ['write'], '550'],
  ['STOR /f', ['write', 'overwrite'], '55'],
  ['APPE /new', ['write'], '550'],
  ['APPE /f', ['write', 'overwrite'], '55'],
  ['STOU', ['write'], '550'],
  ['LIST', ['list'], '550'],
  ['LIST /d', ['list'], '550'],
  ['NLST', ['list'], '550'],
  ['MLSD', ['list'], '550'],
  ['STAT /d', ['list'], '550'],
  ['DELE /f', ['delete'], '550'],
  ['RMD /empty', ['delete'], '550'],
  ['XRMD /empty', ['delete'], '550'],
  ['MKD /new', ['mkdir'], '550'],
  ['XMKD /new', ['mkdir'], '550'],
  ['RNFR /f', ['rename'], '550'],
  ['MFMT 20240101000000 /f', ['write'], '550'],
  ['SITE UTIME 202401010000 /f', ['write'], '550'],
  ['SIZE /f', [], ''],
  ['MDTM /f', [], ''],
  ['MLST /f', [], ''],
  ['STAT /f', [], ''],
  ['CWD /d', [], ''],
  ['XCWD /d', [], ''],
  ['CDUP', [], ''],
  ['PWD', [], ''],
  ['STAT', [], ''],
  ['NOOP', [], ''],
  ['SITE CHMOD 644 /f', [], ''],
];

async function furnished(rights: readonly Right[]) {
  const dialogue = await startDialogue({ user: { rights } });
  dialogue.view.file('/f', 'x').directory('/d').file('/d/in', 'x').directory('/empty');
  dialogue.data.uploads.push('x');
  await dialogue.ask('EPSV');
  return dialogue;
}

describe.each(needs)('%s', (line, needed, refusal) => {
  it.each(allRights)('without the right to %s', async (right) => {
    const { ask, view } = await furnished(allRights.filter((each) => each !== right));
    const before = [...view.nodes.keys()].sort();
    const reply = await ask(line);
    if (needed.includes(right)) {
      expect(reply.startsWith(refusal)).toBe(true);
      expect([...view.nodes.keys()].sort()).toEqual(before);
      expect(view.content('/f')).toBe('x');
    } else {
      expect(reply).toMatch(/^[123]/);
    }
  });

  it('with no right at all', async () => {
    const { ask } = await furnished([]);
    const harmless =
      ['CWD', 'XCWD', 'CDUP', 'PWD', 'NOOP'].includes(line.split(' ')[0] ?? '') || line === 'STAT' || line.startsWith('SITE CHMOD');
    expect((await ask(line)).startsWith(harmless ? '2' : '55')).toBe(true);
  });
});

it.each([
  ['SIZE /f', '213'],
  ['MDTM /f', '213'],
  ['MLST /f', '250'],
])('%s is answered to who may list and to who may read', async (line, reply) => {
  for (const rights of [['list'], ['read']] as const) {
    const { ask } = await furnished(rights);
    expect((await ask(line)).startsWith(reply)).toBe(true);
  }
});

it.each([
  ['onto nothing', 'new', true, '250'],
  ['onto a file, with the right to replace', 'd/in', true, '250'],
  ['onto a file, without', 'd/in', false, '553'],
])('RNTO %s', async (_, target, overwrite, reply) => {
  const { say } = await furnished(allRights.filter((right) => overwrite || right !== 'overwrite'));
  await say(`> RNFR /f\n< 350\n> RNTO ${target}\n< ${reply}`);
});

it('a right of one directory opens the gate; the path is asked behind it', async () => {
  const { ask, view } = await startDialogue({ user: { rights: [], directories: { '/in': ['write'] } } });
  await ask('EPSV');
  expect((await ask('STOR /elsewhere')).startsWith('550')).toBe(true);
  expect(view.calls).toEqual(['prepareUpload /elsewhere new -']);
});
