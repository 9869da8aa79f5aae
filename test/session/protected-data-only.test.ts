import { startDialogue } from './dialogue';

/** Behind a load balancer clear data connections cannot work, whatever a partner's switch says. */
const behindBalancer = { limits: { protectedDataOnly: true }, switches: { allowClearData: true } };

describe('where data must be protected', () => {
  it.each(['PROT C', 'CDC'])('%s is refused after login', async (command) => {
    const dialogue = await startDialogue(behindBalancer);
    await dialogue.say(`> ${command}\n< 534 Policy requires protected data`);
    await dialogue.say('> EPSV\n< 229\n> NLST\n< 150\n< 226');
  });

  it.each(['PROT C', 'CDC'])('%s is refused before login already', async (command) => {
    const dialogue = await startDialogue({ ...behindBalancer, until: 'secured' });
    await dialogue.say(`> PBSZ 0\n< 200\n> ${command}\n< 534 Policy requires protected data`);
  });

  it.each(['S', 'E'])('PROT %s is refused as everywhere', async (level) => {
    const dialogue = await startDialogue(behindBalancer);
    await dialogue.say(`> PROT ${level}\n< 536`);
  });

  it('a transfer without PROT P is refused before any 150', async () => {
    const dialogue = await startDialogue({ ...behindBalancer, until: 'secured' });
    await dialogue.say('> USER alice\n< 331\n> PASS correct horse\n< 230\n> EPSV\n< 229\n> NLST\n< 521');
    await dialogue.say('> PBSZ 0\n< 200\n> PROT P\n< 200\n> EPSV\n< 229\n> NLST\n< 150\n< 226');
  });
});
