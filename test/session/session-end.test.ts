import { settle } from '../support/fake-clock';
import { type Dialogue, startDialogue } from './dialogue';

/** What ends a session that says nothing, or too much for too long, and what a server that goes down lets it finish. */

async function uploading(): Promise<Dialogue> {
  const dialogue = await startDialogue();
  await dialogue.say('> TYPE I\n< 200\n> EPSV\n< 229\n> STOR a\n< 150');
  return dialogue;
}

describe('time', () => {
  it.each(['greeted', 'secured'] as const)('ends a session that is %s and does not log in within 30 seconds', async (until) => {
    const { say, control, clock } = await startDialogue({ until });
    await clock.advance(20_000);
    await say('> NOOP\n< 200');
    await clock.advance(9_000);
    await say('');
    await clock.advance(1_000);
    await say('< 421 No login within 30 seconds, closing.');
    expect(control.ended).toBe(true);
  });

  it('is not won by AUTH and REIN', async () => {
    const { say, clock } = await startDialogue({ until: 'greeted' });
    await say('> AUTH TLS\n< 234');
    await clock.advance(25_000);
    await say('> REIN\n< 220\n> AUTH TLS\n< 234');
    await clock.advance(5_000);
    await say('< 421 No login within 30 seconds');
  });

  it('for a login begins anew after REIN of one who was in', async () => {
    const { say, clock } = await startDialogue();
    await clock.advance(200_000);
    await say('> REIN\n< 220');
    await clock.advance(29_000);
    await say('> NOOP\n< 200');
    await clock.advance(1_000);
    await say('< 421 No login');
  });

  it('ends a session after 300 silent seconds', async () => {
    const { say, control, clock } = await startDialogue();
    await clock.advance(299_000);
    await say('> NOOP\n< 200');
    await clock.advance(299_000);
    await say('');
    await clock.advance(1_000);
    await say('< 421 Idle for 300 seconds, closing.');
    expect(control.ended).toBe(true);
  });

  it('stands still while a transfer runs, and a slow command', async () => {
    const { say, data, clock, view } = await uploading();
    await clock.advance(3_600_000);
    data.last.finish();
    await settle();
    await say('< 226');
    await clock.advance(299_000);
    const release = view.hold('deleteFile');
    await say('> DELE a');
    await clock.advance(600_000);
    release();
    await settle();
    await say('< 250');
    await clock.advance(301_000);
    await say('< 421 Idle');
  });

  it('ends a session that NOOP keeps alive after 24 hours', async () => {
    const { ask, clock, control } = await startDialogue();
    for (let minutes = 0; minutes < 24 * 60 - 4; minutes += 4) {
      await clock.advance(240_000);
      expect(await ask('NOOP')).toBe('200 OK.\r\n');
    }
    await clock.advance(240_000);
    expect(control.text.endsWith('421 Session lasted its longest time, reconnect now. [s-TEST01]\r\n')).toBe(true);
  });

  it('does not end a transfer that began before the 24 hours were over', async () => {
    const { say, data, clock } = await uploading();
    await clock.advance(25 * 3_600_000);
    await say('');
    data.last.finish();
    await settle();
    await say('< 226');
    await clock.advance(2_000);
    await say('< 421 Session lasted its longest time');
  });

  it('leaves no timer behind when the session is over', async () => {
    const { session, clock, send } = await startDialogue();
    await send('ABOR\r');
    session.ended();
    expect(clock.pending).toBe(0);
  });
});

describe('when the server goes down', () => {
  it('an idle session is told to reconnect', async () => {
    for (const until of ['greeted', 'secured', 'ready'] as const) {
      const { say, session, control } = await startDialogue({ until });
      session.drain('idle');
      await say('< 421 Server restarting, reconnect now.');
      expect(control.ended).toBe(true);
    }
  });

  it('a transfer ends first', async () => {
    const { say, session, data, view } = await uploading();
    session.drain('idle');
    await say('');
    data.last.finish();
    await settle();
    await say('< 226\n< 421 Server restarting');
    expect(view.content('/a')).toBe('');
  });

  it('and has no more time, a transfer is cut', async () => {
    const { say, session } = await uploading();
    session.drain('idle');
    session.drain('now');
    await settle();
    await say('< 426 Server restarting.\n< 421');
  });

  it('and has no more time, a commit that has begun is finished', async () => {
    const { say, session, data, view } = await uploading();
    const release = view.hold('complete');
    data.last.finish();
    await settle();
    session.drain('now');
    release();
    await settle();
    await say('< 226\n< 421');
  });

  it('and has no more time, a transfer that is being prepared does not run', async () => {
    const { say, session, view } = await startDialogue();
    const release = view.hold('prepareUpload');
    await say('> EPSV\n< 229\n> STOR a');
    session.drain('now');
    release();
    await settle();
    await say('< 150\n< 426 Server restarting.\n< 421');
  });

  it('soon, a session goes on until ten seconds have passed without a word, also before login', async () => {
    for (const until of ['greeted', 'ready'] as const) {
      const { say, session, control, clock } = await startDialogue({ until });
      session.drain('soon');
      await clock.advance(9_000);
      await say('> NOOP\n< 200');
      await clock.advance(9_000);
      await say('');
      await clock.advance(1_100);
      await say('< 421 Server restarting, reconnect now.');
      expect(control.ended).toBe(true);
    }
  });

  it('soon, a transfer is not hurried', async () => {
    const { say, session, data, clock } = await uploading();
    session.drain('soon');
    await clock.advance(60_000);
    await say('');
    data.last.finish();
    await settle();
    await say('< 226');
    await clock.advance(10_100);
    await say('< 421 Server restarting');
  });

  it('a command that is being worked on is answered', async () => {
    const { say, session, view } = await startDialogue();
    view.file('/f', 'x');
    const release = view.hold('deleteFile');
    await say('> DELE f');
    session.drain('idle');
    release();
    await settle();
    await say('< 250\n< 421');
  });
});
