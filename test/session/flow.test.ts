import { settle } from '../support/fake-clock';
import { type Dialogue, startDialogue } from './dialogue';

/** What happens beside and between commands: a transfer runs, many commands come at once, somebody talks nonsense. */

async function uploading(): Promise<Dialogue> {
  const dialogue = await startDialogue();
  await dialogue.say('> TYPE I\n< 200\n> EPSV\n< 229\n> STOR a\n< 150');
  return dialogue;
}

describe('while a transfer runs', () => {
  it('NOOP and STAT are answered at once', async () => {
    const { say, data, clock } = await uploading();
    data.last.arrive('12345');
    await clock.advance(7_000);
    await say('> NOOP\n< 200\n> STAT\n< 211-Status:\n<  Receiving /a: 5 bytes in 7 seconds\n< 211 End');
    data.last.finish();
    await settle();
    await say('< 226');
  });

  it('everything else waits, and is answered in its order', async () => {
    const { say, data, view } = await uploading();
    await say('> PWD\n> STAT /\n> NONSENSE\n> NOOP\n> DELE /a');
    data.last.finish();
    await settle();
    await say('< 226\n< 257\n< 212-Status:\n<  -rw\n< 212 End\n< 500\n< 200\n< 250');
    expect(view.nodes.has('/a')).toBe(false);
  });

  it('QUIT waits for its end', async () => {
    const { say, data, control } = await uploading();
    await say('> QUIT');
    expect(control.ended).toBe(false);
    data.last.finish();
    await settle();
    await say('< 226\n< 221');
    expect(control.ended).toBe(true);
  });

  it('a second one waits for the first', async () => {
    const { say, data, view } = await uploading();
    await say('> EPSV\n> STOR b');
    expect(data.transfers).toHaveLength(1);
    data.uploads.push('second');
    data.last.arrive('first');
    data.last.finish();
    await settle();
    await say('< 226\n< 229\n< 150\n< 226');
    expect([view.content('/a'), view.content('/b')]).toEqual(['first', 'second']);
  });

  it('sixteen commands wait; then the client is not read until one of them is done', async () => {
    const { send, data, control, received } = await uploading();
    for (let index = 0; index < 15; index++) await send('PWD\r\n');
    expect(control.paused).toBe(false);
    await send('PWD\r\n');
    expect(control.paused).toBe(true);
    data.last.finish();
    await settle(30);
    expect(control.paused).toBe(false);
    expect(received().match(/^257 /gm)).toHaveLength(16);
  });

  it('eight kibibytes of commands wait', async () => {
    const { send, data, control, received } = await uploading();
    await send(`CWD /${'x'.repeat(4_000)}\r\n`);
    await send(`CWD /${'x'.repeat(4_000)}\r\n`);
    expect(control.paused).toBe(false);
    await send(`CWD /${'x'.repeat(200)}\r\n`);
    expect(control.paused).toBe(true);
    data.last.finish();
    await settle();
    expect(control.paused).toBe(false);
    expect(received().match(/^550 /gm)).toHaveLength(3);
  });
});

describe('many commands at once', () => {
  it('ten thousand are all answered, in order, and never more wait than the limit and one read', async () => {
    const { session, control, received } = await startDialogue();
    const commands = Array.from({ length: 10_000 }, (_, index) => (index % 2 ? `CWD /n${index}` : `HELP N${index}`));
    const perRead = 20;
    let mostWaiting = 0;
    let sent = 0;
    const answered = () => (control.text.match(/\r\n/g) ?? []).length - before;
    const before = (control.text.match(/\r\n/g) ?? []).length;
    let reads = 0;
    while (sent < commands.length) {
      if (control.paused) {
        await new Promise((resolve) => setImmediate(resolve));
        continue;
      }
      session.bytes(
        Buffer.from(
          commands
            .slice(sent, sent + perRead)
            .map((each) => `${each}\r\n`)
            .join(''),
        ),
      );
      sent += perRead;
      if (reads++ % 25 === 0) mostWaiting = Math.max(mostWaiting, sent - answered());
    }
    await settle(100);
    expect(mostWaiting).toBeLessThanOrEqual(16 + perRead);
    const replies = received().split('\r\n').slice(0, -1);
    expect(replies).toHaveLength(10_000);
    expect(replies.every((reply, index) => reply.startsWith(index % 2 ? '550' : '501'))).toBe(true);
  });

  it('in one read let other sessions have their turn between two of them', async () => {
    const { session, control } = await startDialogue();
    const before = control.raw.length;
    session.bytes(Buffer.from('FEAT\r\n'.repeat(1_000)));
    await settle(1);
    expect(control.raw.length - before).toBeLessThan(5);
    await settle(1_000);
    expect(control.raw.length - before).toBe(1_000);
  });

  it('are understood however they are cut', async () => {
    const { session, received } = await startDialogue();
    for (const byte of Buffer.from('NOOP\r\nPWD\nSYST\r\n')) {
      session.bytes(Buffer.from([byte]));
      await settle(1);
    }
    expect(received()).toBe('200 OK.\r\n257 "/" is the current directory\r\n215 UNIX Type: L8\r\n');
  });

  it('a slow one holds up those behind it, and their replies keep their order', async () => {
    const { say, view, clock } = await startDialogue();
    view.file('/f', 'x');
    const release = view.hold('deleteFile');
    await say('> DELE f\n> PWD\n> NOOP');
    await clock.advance(5_000);
    await say('> NOOP');
    release();
    await settle();
    await say('< 250\n< 257\n< 200\n< 200');
  });

  it('are forgotten with their client, but for the one that is being worked on', async () => {
    const { session, view, logged } = await startDialogue();
    view.file('/f', 'x').file('/g', 'x');
    const release = view.hold('deleteFile');
    session.bytes(Buffer.from('DELE f\r\nDELE g\r\n'));
    await settle();
    session.ended();
    release();
    await settle();
    expect([view.nodes.has('/f'), view.nodes.has('/g')]).toEqual([false, true]);
    expect(logged.filter(({ event }) => event === 'session.close')).toHaveLength(1);
  });

  it('are carried out when QUIT is among them, though the client has gone', async () => {
    const { session, view, logged } = await startDialogue();
    view.file('/f', 'x').file('/g', 'x');
    session.bytes(Buffer.from('DELE f\r\nDELE g\r\nQUIT\r\n'));
    session.ended();
    await settle();
    expect([...view.nodes.keys()]).toEqual(['/']);
    expect(logged.filter(({ event }) => event === 'session.close')).toHaveLength(1);
  });

  it('around a slow one NOOP, STAT and ABOR are answered when nothing else waits', async () => {
    const { say, view, clock, data } = await startDialogue();
    view.file('/f', 'x');
    const release = view.hold('rename');
    await say('> EPSV\n< 229\n> RNFR f\n< 350\n> RNTO g');
    await clock.advance(1_500);
    await say(
      '> NOOP\n< 200\n> STAT\n< 211-Status:\n<  The command before is being worked on\n< 211 End\n> ABOR\n< 226 No transfer to abort.',
    );
    release();
    await settle();
    await say('< 250 Renamed.');
    expect(data.prepared).toBe(true);
  });
});

describe('a stranger', () => {
  it.each([
    'GET / HTTP/1.1',
    'POST / HTTP/1.1',
    'HEAD / HTTP/1.0',
    'PUT /x HTTP/1.1',
    'HELO x',
    'EHLO x',
    'OPTIONS * HTTP/1.1',
    'CONNECT x:25',
  ])('that says %s is cut off without a word', async (line) => {
    for (const until of ['greeted', 'secured'] as const) {
      const { ask, control } = await startDialogue({ until });
      expect(await ask(`${line}\r\nHost: x\r\nUSER alice`)).toBe('');
      expect(control.destroyed).toBe(true);
    }
  });

  it('is closed after three unknown commands', async () => {
    const { say, control } = await startDialogue({ until: 'greeted' });
    await say('> WHAT\n< 500\n> ?\n< 500\n> NOOP\n< 200\n> \n< 500\n< 421 Too many unknown commands, closing.\n> NOOP');
    expect(control.ended).toBe(true);
  });

  it('that is logged in may say nonsense as often as he likes, GET too', async () => {
    const { say } = await startDialogue();
    for (let time = 0; time < 5; time++) await say('> WHAT\n< 500\n> GET x\n< 500');
  });

  it('is never shown what he sent', async () => {
    const { ask } = await startDialogue();
    for (const line of [
      '<script>alert(1)</script>',
      'WHAT <b>',
      'TYPE <b>',
      'OPTS <b> <b>',
      'SITE <b>',
      'HELP <b>',
      'AUTH <b>',
      'REST <b>',
    ])
      expect(await ask(line)).not.toContain('<');
  });
});

describe('a line', () => {
  it('may have 4,096 bytes with its end', async () => {
    const { ask } = await startDialogue();
    expect(await ask(`CWD ${'/x'.repeat(2_045)}`)).toMatch(/^550 /);
    expect(await ask(`CWD ${'/x'.repeat(2_046)}`)).toMatch(/^500 Command line too long/);
  });

  it('that is longer is discarded, and the third closes', async () => {
    const { say, control } = await startDialogue();
    const long = 'x'.repeat(10_000);
    await say(
      `> ${long}\n< 500 Command line too long.\n> NOOP\n< 200\n> STOR ${long}\n< 500\n> ${long}\n< 500\n< 421 Too many command lines that are too long, closing.`,
    );
    expect(control.ended).toBe(true);
  });

  it('that never ends is answered once', async () => {
    const { send, say } = await startDialogue();
    for (let index = 0; index < 50; index++) await send('x'.repeat(1_000));
    await say('< 500 Command line too long.');
  });

  it('has its Telnet options refused', async () => {
    const { send, control } = await startDialogue();
    await send(Buffer.from([0xff, 0xfb, 0x01, 0xff, 0xfd, 0x03]));
    expect(control.raw.slice(-2)).toEqual([Buffer.from([0xff, 0xfe, 0x01]), Buffer.from([0xff, 0xfc, 0x03])]);
  });

  it('keeps the spaces of a name and of a password', async () => {
    const { say, view } = await startDialogue();
    await say('> MKD  a \n< 257 "/ a " created\n> CWD a\n< 550');
    expect(view.nodes.has('/ a ')).toBe(true);
  });
});
