import { makeUser, password, share, startDialogue } from './dialogue';

/** USER, PASS, ACCT, REIN, QUIT, HOST: RFC 959 §4.1.1, RFC 2577 §5 and §7, RFC 4217 §13. */

describe('logging in', () => {
  it('takes a name, then its password', async () => {
    const { say, logged } = await startDialogue({ until: 'secured' });
    await say(`
      > USER alice
      < 331 Password required.
      > PASS ${password}
      < 230 Logged in.
    `);
    expect(logged.find(({ event }) => event === 'login.ok')?.fields).toMatchObject({
      session: 's-TEST01',
      partner: 'alice',
      peer: '192.0.2.7',
      tls: 'TLSv1.3',
    });
  });

  it.each([
    ['a wrong password', 'alice', 'wrong'],
    ['an empty password', 'alice', ''],
    ['a password with one more space', 'alice', `${password} `],
    ['a name nobody has', 'mallory', password],
    ['a name in other case', 'ALICE', password],
  ])('refuses %s after a delay, always with the same words', async (_, name, secret) => {
    const { say, clock, control } = await startDialogue({ until: 'secured' });
    await say(`> USER ${name}\n< 331 Password required.\n> PASS ${secret}`);
    await clock.advance(1_400);
    await say('');
    await clock.advance(200);
    expect(control.text.endsWith('530 Login incorrect. [s-TEST01]\r\n')).toBe(true);
  });

  it.each([
    ['disabled', { enabled: false }],
    ['not allowed from this address', { allowedAddresses: ['198.51.100.0/24', '2001:db8::/32'] }],
  ])('refuses an account that is %s like a wrong password', async (_, user) => {
    const { say } = await startDialogue({ until: 'secured', user });
    await say(`
      > USER alice
      < 331 Password required.
      > PASS ${password}
      + 1500
      < 530 Login incorrect. [s-TEST01]
    `);
  });

  it('costs one hash, whoever it is: for those who may not come one that nothing matches', async () => {
    const shared = await share([
      makeUser(),
      makeUser({ name: 'off', home: 'off', enabled: false }),
      makeUser({ name: 'far', home: 'far', allowedAddresses: ['198.51.100.9'] }),
    ]);
    for (const name of ['alice', 'off', 'far', 'nobody']) {
      const { say } = await startDialogue({ shared, until: 'secured' });
      await say(`> USER ${name}\n< 331\n> PASS x\n+ 1500\n< 530`);
    }
    expect(shared.verified).toEqual([[`hash of ${password}`], [], [], []]);
  });

  it.each([['192.0.2.0/24'], ['192.0.2.7'], ['2001:db8::/32,192.0.2.0/25']])('lets in an address of %s', async (blocks) => {
    const { say } = await startDialogue({ until: 'secured', user: { allowedAddresses: blocks.split(',') } });
    await say(`> USER alice\n< 331\n> PASS ${password}\n< 230`);
  });

  it('closes after three failures, over names and REIN', async () => {
    const { say, control } = await startDialogue({ until: 'secured' });
    await say(`
      > USER alice
      < 331
      > PASS a
      + 1500
      < 530 Login incorrect.
      > PASS b
      < 503 Send USER first.
      > USER bob
      < 331
      > PASS b
      + 1500
      < 530 Login incorrect.
      > REIN
      < 220
      > AUTH TLS
      < 234
      > USER alice
      < 331
      > PASS c
      + 1500
      < 421 Login incorrect too often, closing.
    `);
    expect(control.ended).toBe(true);
  });

  it('asks for PASS directly behind USER; a second USER replaces the first', async () => {
    const { say } = await startDialogue({ until: 'secured' });
    await say(`
      > PASS ${password}
      < 503 Send USER first.
      > USER mallory
      < 331
      > USER alice
      < 331
      > PASS ${password}
      < 230
      > PASS ${password}
      < 503 Already logged in.
      > USER alice
      < 530 Already logged in; send REIN to change the user.
    `);
  });

  it('wants a name with USER and information with ACCT', async () => {
    const { say } = await startDialogue({ until: 'secured' });
    await say(`
      > USER
      < 501
      > USER 
      < 501
      > ACCT
      < 503 Send USER first.
      > ACCT x
      < 503 Send USER first.
      > USER alice
      < 331
      > ACCT x
      < 503 Send PASS first.
      > PASS ${password}
      < 230
      > ACCT x
      < 202
      > ACCT
      < 501
    `);
  });

  it('spaces behind the name are no part of it, those of a password are', async () => {
    const { say } = await startDialogue({ until: 'secured' });
    const afterName = '  ';
    await say(
      `> USER ${afterName}\n< 501\n> USER alice${afterName}\n< 331\n> PASS ${password} \n+ 1500\n< 530\n> USER alice \n< 331\n> PASS ${password}\n< 230`,
    );
  });

  it('locks a name at one address for half an hour after ten failures, and at no other', async () => {
    const shared = await share([makeUser()]);
    for (let attempt = 0; attempt < 5; attempt++) {
      const { say } = await startDialogue({ shared, until: 'secured' });
      await say('> USER alice\n< 331\n> PASS x\n+ 1500\n< 530\n> USER alice\n< 331\n> PASS x\n+ 1500\n< 530');
    }
    expect(shared.logged.filter(({ event }) => event === 'login.locked')).toHaveLength(1);
    const late = await startDialogue({ shared, until: 'secured' });
    await late.say(`> USER alice\n< 331\n> PASS ${password}\n+ 1500\n< 530 Login incorrect.`);
    const elsewhere = await startDialogue({ shared, until: 'connected' });
    Object.assign(elsewhere.control, { peerAddress: '198.51.100.9' });
    elsewhere.session.greet();
    await elsewhere.say(`< 220\n> AUTH TLS\n< 234\n> USER alice\n< 331\n> PASS ${password}\n< 230`);
    await shared.clock.advance(31 * 60_000);
    const again = await startDialogue({ shared });
    expect(await again.ask('PWD')).toContain('257');
  });

  it('forgets failures when the right password comes', async () => {
    const shared = await share([makeUser()]);
    for (let round = 0; round < 6; round++) {
      const { say } = await startDialogue({ shared, until: 'secured' });
      await say(
        `> USER alice\n< 331\n> PASS x\n+ 1500\n< 530\n> USER alice\n< 331\n> PASS x\n+ 1500\n< 530\n> USER alice\n< 331\n> PASS ${password}\n< 230`,
      );
    }
  });

  it('gives one account as many sessions as it may have, and gives a place back when one ends or logs out', async () => {
    const shared = await share([makeUser({ maxSessions: 2 })]);
    const first = await startDialogue({ shared });
    const second = await startDialogue({ shared });
    const third = await startDialogue({ shared, until: 'secured' });
    await third.say(`> USER alice\n< 331\n> PASS ${password}\n< 421 Too many sessions of this account`);
    expect(third.control.ended).toBe(true);
    first.session.ended();
    const fourth = await startDialogue({ shared });
    await second.say('> REIN\n< 220');
    const fifth = await startDialogue({ shared });
    const sixth = await startDialogue({ shared, until: 'secured' });
    await sixth.say(`> USER alice\n< 331\n> PASS ${password}\n< 421`);
    for (const { session } of [second, third, fourth, fifth, sixth]) session.ended();
    await startDialogue({ shared });
    await startDialogue({ shared });
  });

  it('stops at fifty sessions where the account has no number of its own', async () => {
    const shared = await share([makeUser()]);
    for (let session = 0; session < 50; session++) await startDialogue({ shared, implicit: true });
    const { say } = await startDialogue({ shared, until: 'secured', implicit: true });
    await say(`> USER alice\n< 331\n> PASS ${password}\n< 421`);
  });

  it('gives the place back when the client is gone before its password was judged', async () => {
    const shared = await share([makeUser({ maxSessions: 1 })]);
    const { session, send } = await startDialogue({ shared, until: 'secured' });
    await send('USER alice\r\n');
    session.bytes(Buffer.from(`PASS ${password}\r\n`));
    session.ended();
    await startDialogue({ shared });
    expect(shared.logged.filter(({ event }) => event === 'session.error')).toEqual([]);
  });
});

describe('an account that changes under a session', () => {
  it.each([['disabled', { enabled: false }]])('ends it at the next command when it is %s', async (_, change) => {
    const { say, change: apply, control } = await startDialogue();
    await apply(change);
    await say('> PWD\n< 421 This account has been disabled or removed, closing.');
    expect(control.ended).toBe(true);
  });

  it.each([
    ['203.0.113.0/24', '< 421 This account may no longer be used from this address, closing.', true],
    ['192.0.2.0/24', '< 257', false],
  ])('and may be used from %s only, is answered %s', async (block, reply, ended) => {
    const { say, change, control } = await startDialogue();
    await change({ allowedAddresses: [block] });
    await say(`> PWD\n${reply}`);
    expect(control.ended).toBe(ended);
  });

  it('ends it when it is removed', async () => {
    const { say, users } = await startDialogue();
    const stored = await users.find('alice');
    await users.remove('alice', stored?.revision ?? '');
    await say('> NOOP\n< 421');
  });

  it('has the rights it has now', async () => {
    const { say, change, view } = await startDialogue();
    view.file('/a', 'x');
    await say('> DELE /b\n< 550 No such file');
    await change({ rights: ['list'] });
    await say('> DELE /a\n< 550 Permission denied.');
  });
});

describe('REIN', () => {
  it('answers inside TLS, takes it off, and begins anew', async () => {
    const { say, control, data } = await startDialogue();
    const { closes } = data;
    await say(`
      > TYPE I
      < 200
      > OPTS MLST size;
      < 200
      > EPSV ALL
      < 200
      > REIN
      < 220 Ready for a new user.
      > PWD
      < 530 TLS required: send AUTH TLS first.
      > PROT P
      < 503 Send AUTH TLS first.
      > AUTH TLS
      < 234
      > PROT P
      < 503 Send PBSZ 0 first.
      > USER alice
      < 331
      > PASS ${password}
      < 230
      > PASV
      < 227
    `);
    expect(control.tls()).toBeDefined();
    expect(data.closes).toBe(closes + 2);
    await say(
      '> STAT\n< 211-Status:\n<  Logged in as alice\n<  Control\n<  Data connections in clear\n<  TYPE A, STRU F, MODE S\n<  No transfer is running\n< 211 End',
    );
  });

  it('leaves nothing of what the session was told', async () => {
    const { say, ask, view, data } = await startDialogue();
    view.directory('/d').file('/a', '12345').file('/f', 'x');
    data.uploads.push('new');
    await say(
      '> OPTS MLST size;\n< 200\n> CWD d\n< 250\n> REST 5\n< 350\n> TYPE I\n< 200\n> ALLO 99\n< 202\n> REIN\n< 220\n> AUTH SSL\n< 234',
    );
    expect(await ask('FEAT')).toContain(' MLST type*;size*;modify*;perm*;unique*;');
    await say(`> USER alice\n< 331\n> PASS ${password}\n< 230\n> PWD\n< 257 "/"\n> TYPE I\n< 200\n> EPSV\n< 229\n> STOR a\n< 150\n< 226`);
    expect(view.calls).toContain('prepareUpload /a new -');
  });

  it.each([
    ['before TLS', 'greeted', '220 Ready'],
    ['before login', 'secured', '220 Ready'],
  ] as const)('is answered %s', async (_, until, reply) => {
    const { say } = await startDialogue({ until });
    await say(`> REIN\n< ${reply}`);
  });

  it('logs out in clear too, after CCC', async () => {
    const shared = await share([makeUser({ maxSessions: 1 }, { allowCcc: true })]);
    const { say, control } = await startDialogue({ shared });
    await say('> CCC\n< 200\n> REIN\n< 220\n> PWD\n< 530 TLS required\n> AUTH TLS\n< 234');
    expect(control.tls()).toBeDefined();
    const second = await startDialogue({ shared });
    await second.say('> PWD\n< 257');
  });

  it('takes no argument, and does not exist on the implicit port', async () => {
    const explicit = await startDialogue();
    await explicit.say('> REIN now\n< 501');
    const implicit = await startDialogue({ implicit: true });
    await implicit.say('> REIN\n< 502\n> PWD\n< 257');
  });
});

describe('QUIT', () => {
  it.each(['greeted', 'secured', 'ready'] as const)('says goodbye to a session that is %s', async (until) => {
    const { say, control, session } = await startDialogue({ until });
    await say('> QUIT bye\n< 221 Goodbye.');
    expect(control.ended).toBe(true);
    await say('> NOOP');
    session.ended();
  });
});

describe('HOST', () => {
  it.each(['greeted', 'secured', 'ready'] as const)(
    'is not implemented for a session that is %s, which may go on without',
    async (until) => {
      const { say } = await startDialogue({ until });
      await say('> HOST ftp.example.com\n< 502');
    },
  );
});
