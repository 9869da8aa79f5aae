import { readFileSync } from 'node:fs';
import path from 'node:path';
import { commandTable } from '../../runtime/session/command-table';
import { protocolPage } from '../../runtime/session/protocol-page';

it('docs/protocol.md says what the command table says', () => {
  expect(readFileSync(path.join(__dirname, '../../docs/protocol.md'), 'utf8')).toBe(protocolPage());
});

it('every verb of the base specification has a row', () => {
  const verbs =
    'ABOR ACCT ALLO APPE CWD DELE HELP LIST MODE NLST NOOP PASS PASV PORT QUIT REIN REST RETR RNFR RNTO SITE STAT STOR STRU TYPE USER CDUP MKD PWD RMD SMNT STOU SYST AUTH PBSZ PROT CCC EPSV EPRT FEAT OPTS MLSD MLST SIZE MDTM MFMT LANG CLNT ADAT MIC CONF ENC CDC XCWD XCUP XPWD XMKD XRMD';
  expect(verbs.split(' ').filter((verb) => !commandTable.has(verb))).toEqual([]);
});
