import { Failure } from '../../runtime/model/failure';
import { type Dialogue, type Start, startDialogue } from './dialogue';
import { fill } from './fake-view';

/** LIST, NLST, MLSD, and STAT with a path. */

async function ready(start: Start = {}): Promise<Dialogue & { listing(command: string): Promise<string> }> {
  const dialogue = await startDialogue(start);
  const { say, data } = dialogue;
  return {
    ...dialogue,
    listing: async (command) => {
      await say(`> EPSV\n< 229\n> ${command}\n< 150\n< 226`);
      return data.last.sent.toString();
    },
  };
}

function furnish({ view }: Dialogue): void {
  view.directory('/sub').file('/sub/x.csv', '1').file('/sub/y.txt', '22').file('/a b.csv', '333').file('/-la', '4').file('/sub/p*q', '5');
}

it('LIST is ls -l in UTC, whatever the flags', async () => {
  const dialogue = await ready();
  furnish(dialogue);
  const whole = [
    '-rw-r--r--   1 ftp      ftp                 1 Nov 22 21:57 -la',
    '-rw-r--r--   1 ftp      ftp                 3 Nov 22 21:57 a b.csv',
    'drwxr-xr-x   1 ftp      ftp                 0 Nov 22 21:57 sub',
    '',
  ].join('\r\n');
  expect(await dialogue.listing('LIST')).toBe(whole);
  expect(await dialogue.listing('LIST -a')).toBe(whole);
  expect(await dialogue.listing('LIST -aR .')).toBe(whole);
  expect(await dialogue.listing('LIST /')).toBe(whole);
});

it.each([
  ['LIST /a b.csv', ['a b.csv']],
  ['LIST -la', ['-la']],
  ['LIST -l sub', ['p*q', 'x.csv', 'y.txt']],
  ['LIST -d sub', ['sub']],
  ['LIST -d', ['.']],
  ['LIST sub/*.csv', ['x.csv']],
  ['LIST sub/?.*', ['x.csv', 'y.txt']],
  ['LIST sub/p*q', ['p*q']],
  ['LIST *nothing*', []],
])('%s shows the names %j', async (command, names) => {
  const dialogue = await ready();
  furnish(dialogue);
  const lines = (await dialogue.listing(command)).split('\r\n').slice(0, -1);
  expect(lines.map((line) => line.replace(/^.{46}(?:\w{3} [ \d]\d (?:\d\d:\d\d| \d{4})) /, ''))).toEqual(names);
});

it.each([
  ['NLST', ['-la', 'a b.csv', 'sub']],
  ['NLST -a', ['-la', 'a b.csv', 'sub']],
  ['NLST sub', ['sub/p*q', 'sub/x.csv', 'sub/y.txt']],
  ['NLST /sub/', ['/sub/p*q', '/sub/x.csv', '/sub/y.txt']],
  ['NLST sub/x.csv', ['sub/x.csv']],
  ['NLST x*', []],
  ['NLST sub/*.csv', ['sub/x.csv']],
  ['NLST sub/p*q', ['sub/p*q']],
  ['NLST -d sub', ['sub']],
])('%s gives names that can be used as they are: %j', async (command, names) => {
  const dialogue = await ready();
  furnish(dialogue);
  expect((await dialogue.listing(command)).split('\r\n').slice(0, -1)).toEqual(names);
});

it('an empty directory is an empty listing', async () => {
  const dialogue = await ready();
  dialogue.view.directory('/empty');
  for (const verb of ['LIST', 'NLST', 'MLSD']) expect(await dialogue.listing(`${verb} empty`)).toBe('');
});

it('MLSD shows facts, knows no flags and no patterns', async () => {
  const dialogue = await ready();
  furnish(dialogue);
  expect(await dialogue.listing('MLSD sub')).toBe(
    [
      'type=file;size=1;modify=20251122215700;perm=adfrw;unique=u8; p*q',
      'type=file;size=1;modify=20251122215700;perm=adfrw;unique=u10; x.csv',
      'type=file;size=2;modify=20251122215700;perm=adfrw;unique=u10; y.txt',
      '',
    ].join('\r\n'),
  );
  await dialogue.say('> EPSV\n< 229\n> MLSD -a\n< 550\n> EPSV\n< 229\n> MLSD *\n< 550\n> OPTS MLST\n< 200');
  expect(await dialogue.listing('MLSD sub')).toBe(' p*q\r\n x.csv\r\n y.txt\r\n');
});

it('tells a size only where it shows one, for from a told size an upload may go on', async () => {
  const dialogue = await ready();
  furnish(dialogue);
  await dialogue.listing('LIST sub/x.csv');
  await dialogue.listing('NLST sub/x.csv');
  expect(dialogue.view.calls.filter((call) => call.startsWith('stat /sub/x.csv'))).toEqual([
    'stat /sub/x.csv size',
    'stat /sub/x.csv time',
  ]);
});

it('a pattern that is too long is refused', async () => {
  const { say } = await ready();
  await say(`> EPSV\n< 229\n> LIST *${'x'.repeat(128)}\n< 501`);
});

it('goes out page by page', async () => {
  const dialogue = await ready();
  fill(dialogue.view, '/many', 2_500);
  dialogue.view.pageSize = 100;
  expect((await dialogue.listing('NLST many')).split('\r\n')).toHaveLength(2_501);
});

it('does not take a store that is down for a name that is not there', async () => {
  const { say, view } = await ready();
  const { stat } = view;
  view.stat = async (path, purpose) => {
    if (path === '/-la') throw new Failure('store-unavailable', 'Storage is not available.');
    return stat.call(view, path, purpose);
  };
  await say('> EPSV\n< 229\n> LIST -la\n< 451');
});

it('that fails in the middle says so', async () => {
  const { say, view } = await ready();
  const { list } = view;
  view.list = async (path) => {
    const pages = await list.call(view, path);
    return (async function* () {
      yield* pages;
      throw new Failure('store-unavailable', 'Storage is not available.');
    })();
  };
  await say('> EPSV\n< 229\n> LIST\n< 150\n< 451 Storage is not available.');
});

describe('STAT with a path', () => {
  it('shows a directory or a file on the control connection', async () => {
    const dialogue = await ready();
    furnish(dialogue);
    const { say } = dialogue;
    await say(`
      > STAT sub
      < 212-Status:
      <  -rw-r--r--   1 ftp      ftp                 1 Nov 22 21:57 p*q
      <  -rw-r--r--   1 ftp      ftp                 1 Nov 22 21:57 x.csv
      <  -rw-r--r--   1 ftp      ftp                 2 Nov 22 21:57 y.txt
      < 212 End
      > STAT sub/x.csv
      < 213-Status:
      <  -rw-r--r--   1 ftp      ftp                 1 Nov 22 21:57 x.csv
      < 213 End
      > STAT -d sub
      < 212-Status:
      <  drwxr-xr-x   1 ftp      ftp                 0 Nov 22 21:57 sub
      < 212 End
      > STAT sub/p*q
      < 213-Status:
      <  -rw-r--r--   1 ftp      ftp                 1 Nov 22 21:57 p*q
      < 213 End
    `);
  });

  it('knows no patterns', async () => {
    const { say } = await ready();
    await say('> STAT *\n< 550 No such file or directory.\n> STAT /none\n< 550');
  });

  it.each([
    [1_000, '212-Status:'],
    [1_001, '450 Too many entries for STAT: use LIST.'],
  ])('of %s entries', async (entries, reply) => {
    const { view, ask } = await ready();
    fill(view, '/many', entries);
    expect(await ask('STAT many')).toContain(reply);
  });
});
