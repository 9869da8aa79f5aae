import { password, startDialogue } from './dialogue';

/** How clients open a session and send a file, as they do it on the wire; each ends in the code it insists on. */

const upload = '> STOR a.csv\n< 150\n< 226';

it.each([
  [
    'curl',
    `
    > AUTH SSL
    < 234
    > USER alice
    < 331
    > PASS ${password}
    < 230
    > PBSZ 0
    < 200
    > PROT P
    < 200
    > PWD
    < 257 "/"
    > CWD in
    < 250
    > EPSV
    < 229 Entering Extended Passive Mode (|||8192|)
    > TYPE I
    < 200
    ${upload}
    > QUIT
    < 221`,
  ],
  [
    'lftp',
    `
    > FEAT
    < 211-Features:
    <  AUTH TLS
    <  PBSZ
    <  PROT
    <  EPSV
    <  UTF8
    <  TVFS
    <  SIZE
    <  MDTM
    <  MFMT
    <  REST STREAM
    <  MLST
    <  LANG EN*
    <  CLNT
    < 211 End
    > AUTH TLS
    < 234
    > CLNT lftp
    < 200
    > LANG
    < 200
    > OPTS UTF8 ON
    < 200
    > USER alice
    < 331
    > PASS ${password}
    < 230
    > OPTS MLST type;size;modify;UNIX.mode;
    < 200 MLST OPTS type;size;modify;
    > PWD
    < 257
    > PBSZ 0
    < 200
    > PROT P
    < 200
    > CWD in
    < 250
    > TYPE I
    < 200
    > PASV
    < 227
    > ALLO 5
    < 202
    ${upload}
    > MFMT 20240101000000 a.csv
    < 213
    > SITE CHMOD 644 a.csv
    < 200`,
  ],
  [
    'FileZilla',
    `
    > AUTH TLS
    < 234
    > USER alice
    < 331
    > PASS ${password}
    < 230
    > SYST
    < 215 UNIX Type: L8
    > CLNT FileZilla
    < 200
    > OPTS UTF8 ON
    < 200
    > PBSZ 0
    < 200
    > PROT P
    < 200
    > OPTS MLST type;size;modify;
    < 200
    > PWD
    < 257
    > TYPE I
    < 200
    > PASV
    < 227
    > MLSD
    < 150
    < 226
    > CWD in
    < 250
    > PASV
    < 227
    ${upload}
    > MFMT 20240101000000 a.csv
    < 213
    > NOOP
    < 200`,
  ],
  [
    'WinSCP',
    `
    > HOST ftp.example.com
    < 502
    > AUTH TLS
    < 234
    > USER alice
    < 331
    > PASS ${password}
    < 230
    > SYST
    < 215
    > CLNT WinSCP
    < 200
    > OPTS UTF8 ON
    < 200
    > PBSZ 0
    < 200
    > PROT P
    < 200
    > CWD /in
    < 250
    > TYPE I
    < 200
    > PASV
    < 227
    > STOR a.csv.filepart
    < 150
    < 226
    > RNFR a.csv.filepart
    < 350
    > RNTO a.csv
    < 250
    > MFMT 20240101000000 a.csv
    < 213`,
  ],
  [
    'basic-ftp',
    `
    > AUTH TLS
    < 234
    > OPTS UTF8 ON
    < 200
    > USER alice
    < 331
    > PASS ${password}
    < 230
    > TYPE I
    < 200
    > STRU F
    < 200
    > OPTS UTF8 ON
    < 200
    > OPTS MLST type;size;modify;unique;unix.mode;unix.owner;unix.group;unix.ownername;unix.groupname;
    < 200
    > PBSZ 0
    < 200
    > PROT P
    < 200
    > EPSV
    < 229
    > LIST -a
    < 150
    < 226
    > CWD in
    < 250
    > EPSV
    < 229
    ${upload}`,
  ],
  [
    'Python ftplib',
    `
    > AUTH TLS
    < 234
    > USER alice
    < 331
    > PASS ${password}
    < 230
    > PBSZ 0
    < 200
    > PROT P
    < 200
    > CWD in
    < 250
    > TYPE I
    < 200
    > PASV
    < 227 Entering Passive Mode (192,0,2,1,32,0).
    ${upload}
    > QUIT
    < 221`,
  ],
  [
    'PHP',
    `
    > AUTH TLS
    < 234
    > PBSZ 0
    < 200
    > PROT P
    < 200
    > USER alice
    < 331
    > PASS ${password}
    < 230
    > CWD in
    < 250
    > TYPE I
    < 200
    > PASV
    < 227
    ${upload}
    > SITE CHMOD 0644 a.csv
    < 200
    > CDUP
    < 250
    > PASV
    < 227
    > LIST -R
    < 150
    < 226`,
  ],
  [
    'Perl Net::FTP',
    `
    > AUTH TLS
    < 234
    > PBSZ 0
    < 200
    > PROT P
    < 200
    > USER alice
    < 331
    > PASS ${password}
    < 230
    > HELP ALLO
    < 214
    > CWD in
    < 250
    > TYPE I
    < 200
    > PASV
    < 227
    > ALLO 5
    < 202
    ${upload}
    > SIZE a.csv
    < 213 5`,
  ],
  [
    'Go',
    `
    > AUTH TLS
    < 234
    > USER alice
    < 331
    > PASS ${password}
    < 230
    > TYPE I
    < 200
    > OPTS UTF8 ON
    < 200
    > PBSZ 0
    < 200
    > PROT P
    < 200
    > CWD in
    < 250
    > EPSV
    < 229
    ${upload}
    > SIZE a.csv
    < 213 5
    > MDTM a.csv
    < 213`,
  ],
  [
    '.NET',
    `
    > AUTH TLS
    < 234
    > USER alice
    < 331
    > PASS ${password}
    < 230
    > PBSZ 0
    < 200
    > PROT P
    < 200
    > OPTS utf8 on
    < 200
    > PWD
    < 257
    > CWD /in
    < 250
    > TYPE I
    < 200
    > PASV
    < 227
    ${upload}
    > QUIT
    < 221`,
  ],
  [
    'z/OS',
    `
    > AUTH TLS
    < 234
    > PBSZ 0
    < 200
    > PROT P
    < 200
    > USER alice
    < 331
    > PASS ${password}
    < 230
    > ACCT none
    < 202
    > CWD in
    < 250
    > SITE VARrecfm LRECL=128 RECFM=VB BLKSIZE=27998
    < 202
    > EPSV
    < 229
    ${upload}`,
  ],
])('%s', async (_, script) => {
  const { say, view, data } = await startDialogue({ until: 'greeted' });
  view.directory('/in');
  data.uploads.push('a,b,c');
  await say(script);
  expect(view.content('/in/a.csv')).toBe('a,b,c');
  expect(data.last.request.protection).toBe('private');
});

it('IBM i on the implicit port says neither PBSZ nor PROT', async () => {
  const { say, data, view } = await startDialogue({ until: 'secured', implicit: true });
  data.uploads.push('x');
  await say(`> USER alice\n< 331\n> PASS ${password}\n< 230\n> EPSV\n< 229\n> STOR a\n< 150\n< 226`);
  expect(view.content('/a')).toBe('x');
  expect(data.last.request.protection).toBe('private');
});

it('Python without prot_p is told what to send', async () => {
  const { say } = await startDialogue({ until: 'secured' });
  await say(
    `> USER alice\n< 331\n> PASS ${password}\n< 230\n> TYPE I\n< 200\n> PASV\n< 227\n> STOR a\n< 521 Data connection must be protected: send PROT P.`,
  );
});
