import { settle } from '../support/fake-clock';
import { password, startDialogue } from './dialogue';

/** AUTH, PBSZ, PROT, CDC, CCC, ADAT, MIC, CONF, ENC: RFC 2228 §3, RFC 4217. */

describe('AUTH', () => {
  it.each([
    ['TLS', 'clear'],
    ['TLS-C', 'clear'],
    ['tls', 'clear'],
    ['SSL', 'private'],
    ['TLS-P', 'private'],
  ])('%s begins TLS with %s data', async (mechanism, protection) => {
    const { say, data } = await startDialogue({ until: 'greeted' });
    await say(`> AUTH ${mechanism}\n< 234\n> USER alice\n< 331\n> PASS ${password}\n< 230\n> PASV\n< 227`);
    expect(data.prepares[0]?.protection).toBe(protection);
  });

  it.each(['GSSAPI', 'KERBEROS_V4', 'X-ANY', 'TLS X'])('%s is no mechanism of ours', async (mechanism) => {
    const { say } = await startDialogue({ until: 'greeted' });
    await say(`> AUTH ${mechanism}\n< 504\n> AUTH\n< 501\n> AUTH TLS\n< 234`);
  });

  it('comes once', async () => {
    const { say } = await startDialogue({ until: 'secured' });
    await say('> AUTH TLS\n< 503\n> AUTH NONSENSE\n< 503');
  });

  it('is over before it begins on the implicit port', async () => {
    const { say, data } = await startDialogue({ implicit: true });
    await say('> AUTH TLS\n< 503\n> PBSZ 0\n< 200\n> PROT P\n< 200\n> EPSV\n< 229');
    expect(data.prepares[0]?.protection).toBe('private');
  });

  it('protects data on the implicit port though PBSZ and PROT were never sent', async () => {
    const { say, data } = await startDialogue({ implicit: true });
    await say('> PASV\n< 227');
    expect(data.prepares[0]?.protection).toBe('private');
  });

  it.each([
    ['a whole command', 'AUTH TLS\r\nUSER mallory\r\n'],
    ['the beginning of one', 'AUTH TLS\r\nUS'],
    ['half a line end', 'AUTH TLS\r\n\r'],
    ['half a Telnet sequence', Buffer.from([...Buffer.from('AUTH TLS\r\n'), 255])],
  ])('drops a connection with %s behind it, without a word', async (_, bytes) => {
    const { send, control, received, logged } = await startDialogue({ until: 'greeted' });
    await send(bytes);
    expect(control.destroyed).toBe(true);
    expect(control.tls()).toBeUndefined();
    expect(received()).toBe('');
    expect(logged.some(({ event }) => event === 'session.refused')).toBe(true);
  });

  it('drops a connection whose socket holds more', async () => {
    const { send, control } = await startDialogue({ until: 'greeted' });
    control.unread = true;
    await send('AUTH TLS\r\n');
    expect(control.destroyed).toBe(true);
  });

  it('forgets the half line before it when TLS is up', async () => {
    const { say, send } = await startDialogue({ until: 'greeted' });
    await send('NOOP\r\n');
    await say('< 200\n> AUTH TLS\n< 234\n> NOOP\n< 200');
  });

  it('closes a connection whose handshake fails', async () => {
    const { send, control, session } = await startDialogue({ until: 'greeted' });
    control.failing = new Error('wrong version number');
    await send('AUTH TLS\r\n');
    expect(control.destroyed).toBe(true);
    session.ended();
    await settle();
  });
});

describe('PBSZ and PROT', () => {
  it.each(['greeted', 'secured', 'ready'] as const)('come in this order, in a session that is %s', async (until) => {
    const { say } = await startDialogue({ until: until === 'ready' ? 'secured' : until });
    if (until === 'ready') await say(`> USER alice\n< 331\n> PASS ${password}\n< 230`);
    const before = until === 'greeted' ? '503 Send AUTH TLS first.' : '503 Send PBSZ 0 first.';
    await say(`> PROT P\n< ${before}\n> PROT E\n< ${before}\n> PROT X\n< ${before}\n> PROT\n< ${before}\n> CDC\n< ${before}`);
    if (until === 'greeted') await say('> PBSZ 0\n< 503\n> PBSZ x\n< 503');
    else await say('> PBSZ 0\n< 200 PBSZ=0\n> PROT P\n< 200');
  });

  it.each([
    ['0', '200 PBSZ=0'],
    ['16384', '200 PBSZ=0'],
    ['4294967295', '200 PBSZ=0'],
    ['4294967296', '501'],
    ['-1', '501'],
    ['x', '501'],
    ['', '501'],
  ])('PBSZ %s', async (size, reply) => {
    const { say } = await startDialogue({ until: 'secured' });
    await say(`> PBSZ ${size}\n< ${reply}`);
  });

  it.each([
    ['PROT P', '200'],
    ['PROT p', '200'],
    ['PROT S', '536'],
    ['PROT E', '536'],
    ['PROT X', '504'],
    ['PROT', '501'],
    ['CDC now', '501'],
  ])('%s under TLS', async (command, reply) => {
    const { say } = await startDialogue({ until: 'secured' });
    await say(`> PBSZ 0\n< 200\n> ${command}\n< ${reply}`);
  });

  it.each([
    ['PROT C', false, '534'],
    ['CDC', false, '534'],
    ['PROT C', true, '200 Data protection set to Clear.'],
    ['CDC', true, '200 Data protection set to Clear.'],
  ])('%s with allowClearData %s', async (command, allowClearData, reply) => {
    const { say, data } = await startDialogue({ switches: { allowClearData } });
    await say(`> ${command}\n< ${reply}\n> PASV\n< 227`);
    expect(data.prepares[0]?.protection).toBe(allowClearData ? 'clear' : 'private');
  });

  it('PROT C before login is taken, and the transfer refused where the account forbids it', async () => {
    const { say, data } = await startDialogue({ until: 'secured' });
    await say(`
      > PBSZ 0
      < 200
      > PROT C
      < 200
      > USER alice
      < 331
      > PASS ${password}
      < 230
      > EPSV
      < 229
      > STOR a
      < 521 Data connection must be protected: send PROT P.
      > PROT P
      < 200
    `);
    expect(data.transfers).toEqual([]);
  });

  it('PBSZ may be left out where the account says so', async () => {
    const { say } = await startDialogue({ until: 'secured', switches: { pbszRequired: false } });
    await say(`> USER alice\n< 331\n> PASS ${password}\n< 230\n> PROT P\n< 200`);
  });

  it('is asked at the transfer, so PROT may come between PASV and STOR', async () => {
    const { say, data } = await startDialogue({ until: 'secured' });
    data.uploads.push('x');
    await say(`> USER alice\n< 331\n> PASS ${password}\n< 230\n> PASV\n< 227\n> PBSZ 0\n< 200\n> PROT P\n< 200\n> STOR a\n< 150\n< 226`);
    expect(data.last.request.protection).toBe('private');
  });

  it('is assumed for clients that protect without saying so, until they say otherwise', async () => {
    const { say, data } = await startDialogue({ until: 'secured', switches: { assumeProtP: true, allowClearData: true } });
    await say(`> USER alice\n< 331\n> PASS ${password}\n< 230\n> PASV\n< 227\n> PBSZ 0\n< 200\n> PROT C\n< 200\n> PASV\n< 227`);
    expect(data.prepares.map(({ protection }) => protection)).toEqual(['private', 'clear']);
  });
});

describe('CCC', () => {
  it.each([
    ['on a clear connection', 'greeted', false, '533'],
    ['before login', 'secured', true, '534'],
    ['where the account forbids it', 'ready', false, '534'],
  ] as const)('is refused %s', async (_, until, allowCcc, reply) => {
    const { say } = await startDialogue({ until, switches: { allowCcc } });
    await say(`> CCC\n< ${reply}\n> NOOP\n< 200`);
  });

  it('is refused on the implicit port, and with an argument', async () => {
    const { say } = await startDialogue({ implicit: true, switches: { allowCcc: true } });
    await say('> CCC\n< 534\n> CCC x\n< 501');
  });

  it('goes on in clear, logged in, with the protection frozen', async () => {
    const { say, control, data } = await startDialogue({ switches: { allowCcc: true } });
    await say(`
      > CWD /
      < 250
      > CCC
      < 200 Command channel is clear from now on.
      > PWD
      < 257 "/"
      > PBSZ 0
      < 503 Protection cannot be changed after CCC.
      > PROT P
      < 503
      > PROT X
      < 503
      > CDC
      < 503
      > AUTH TLS
      < 503
      > CCC
      < 533
      > ADAT AAAA
      < 503
      > EPSV
      < 229
    `);
    expect(control.tls()).toBeUndefined();
    expect(data.prepares[0]?.protection).toBe('private');
  });

  it('drops a connection with bytes behind it, and one that does not end its TLS', async () => {
    const glued = await startDialogue({ switches: { allowCcc: true } });
    await glued.send('CCC\r\nDELE /a\r\n');
    expect(glued.control.destroyed).toBe(true);
    expect(glued.view.calls).toEqual([]);
    const stuck = await startDialogue({ switches: { allowCcc: true } });
    stuck.control.failing = new Error('the client did not close TLS');
    await stuck.send('CCC\r\n');
    expect(stuck.control.destroyed).toBe(true);
  });
});

describe('other mechanisms', () => {
  it.each([
    ['ADAT AAAA', '503', '503'],
    ['ADAT', '503', '503'],
    ['MIC AAAA', '503', '537'],
    ['CONF AAAA', '503', '537'],
    ['ENC AAAA', '503', '537'],
  ])('%s is refused before and under TLS', async (command, before, under) => {
    const clear = await startDialogue({ until: 'greeted' });
    await clear.say(`> ${command}\n< ${before}`);
    const secured = await startDialogue({ until: 'secured' });
    await secured.say(`> ${command}\n< ${under}`);
    const ready = await startDialogue();
    await ready.say(`> ${command}\n< ${under}`);
  });
});
