import * as grammar from '../protocol/arguments';
import { allFacts } from '../protocol/listing';
import * as replies from '../protocol/replies';
import { type Row, row } from './command';
import * as access from './commands/access';
import * as directories from './commands/directories';
import * as files from './commands/files';
import * as information from './commands/information';
import * as listings from './commands/listings';
import * as parameters from './commands/parameters';
import * as passive from './commands/passive';
import * as security from './commands/security';
import { site } from './commands/site';
import * as transfers from './commands/transfers';

/**
 * Every verb of the server. One row a verb, no column optional; long lines, so that it reads as the table it is. The rows of one purpose share their
 * columns through the four shapes at the top.
 */
const none = 'none';

/** Before TLS and login. */
const open = {
  phase: 'any',
  control: 'clear',
  data: none,
  needs: none,
  duringTransfer: 'queued',
  log: 'argument',
  sequence: none,
} as const;
/** Under TLS, before login. */
const secured = { ...open, control: 'tls' } as const;
/** Logged in. */
const ready = { ...secured, phase: 'ready' } as const;
/** Known and not served: 502 to a partner, 530 to a stranger. */
const refused = { ...ready, argument: grammar.optionalText, feature: none, help: none, run: () => replies.notImplemented } as const;

const rows: Record<string, Row<unknown>> = {
  // Access, RFC 959 §4.1.1
  USER: row({ ...secured, argument: grammar.text, feature: none, help: 'USER name', run: access.takeUser }),
  PASS: row({
    ...secured,
    argument: grammar.secret,
    phase: 'password',
    log: 'masked',
    sequence: access.passwordInTurn,
    feature: none,
    help: 'PASS password',
    run: access.checkPassword,
  }),
  ACCT: row({
    ...secured,
    argument: grammar.text,
    phase: 'password',
    log: 'masked',
    sequence: access.accountInTurn,
    feature: none,
    help: 'ACCT information',
    run: access.takeAccount,
  }),
  REIN: row({ ...open, argument: grammar.nothing, feature: none, help: 'REIN', run: access.reinitialise }),
  QUIT: row({ ...open, argument: grammar.ignored, feature: none, help: 'QUIT', run: access.quit }),

  // Security, RFC 2228 and RFC 4217
  AUTH: row({
    ...open,
    argument: grammar.mechanism,
    sequence: security.authInTurn,
    feature: 'AUTH TLS',
    help: 'AUTH TLS',
    run: security.startTls,
  }),
  PBSZ: row({
    ...open,
    argument: grammar.bufferSize,
    sequence: security.bufferSizeInTurn,
    feature: 'PBSZ',
    help: 'PBSZ 0',
    run: security.setBufferSize,
  }),
  PROT: row({
    ...open,
    argument: grammar.protectionLevel,
    sequence: security.protectionInTurn,
    feature: 'PROT',
    help: 'PROT P',
    run: security.setProtection,
  }),
  CDC: row({
    ...open,
    argument: grammar.nothing,
    sequence: security.protectionInTurn,
    feature: none,
    help: 'CDC',
    run: security.clearData,
  }),
  CCC: row({
    ...open,
    argument: grammar.nothing,
    sequence: security.clearCommandsInTurn,
    feature: none,
    help: 'CCC',
    run: security.clearCommands,
  }),
  ADAT: row({ ...open, argument: grammar.optionalText, log: 'masked', feature: none, help: none, run: security.refuseExchange }),
  MIC: row({ ...open, argument: grammar.optionalText, log: 'masked', feature: none, help: none, run: security.refuseProtectedCommand }),
  CONF: row({ ...open, argument: grammar.optionalText, log: 'masked', feature: none, help: none, run: security.refuseProtectedCommand }),
  ENC: row({ ...open, argument: grammar.optionalText, log: 'masked', feature: none, help: none, run: security.refuseProtectedCommand }),

  // Parameters
  TYPE: row({ ...ready, argument: grammar.type, feature: none, help: 'TYPE A|I|L 8', run: parameters.setType }),
  STRU: row({ ...ready, argument: grammar.letter('F', 'RP'), feature: none, help: 'STRU F', run: parameters.setStructure }),
  MODE: row({ ...ready, argument: grammar.letter('S', 'BCZ'), feature: none, help: 'MODE S', run: parameters.setMode }),
  REST: row({ ...ready, argument: grammar.offset, feature: 'REST STREAM', help: 'REST offset', run: parameters.markRestart }),
  ALLO: row({ ...ready, argument: grammar.allocation, feature: none, help: 'ALLO size', run: parameters.noteAllocation }),
  OPTS: row({ ...open, argument: grammar.subCommand, feature: 'UTF8', help: 'OPTS UTF8 ON|MLST facts', run: parameters.setOption }),
  LANG: row({ ...open, argument: grammar.language, feature: 'LANG EN*', help: 'LANG [tag]', run: parameters.setLanguage }),
  CLNT: row({ ...open, argument: grammar.text, feature: 'CLNT', help: 'CLNT name', run: parameters.noteClient }),
  // Clients ask for a virtual host before login, where 530 would look like a refusal of theirs.
  HOST: row({ ...refused, phase: 'any', control: 'clear' }),

  // Data connections
  PASV: row({
    ...ready,
    argument: grammar.ignored,
    data: 'prepare',
    sequence: passive.onlyWithoutEpsvAll,
    feature: none,
    help: 'PASV',
    run: passive.enterPassive,
  }),
  EPSV: row({
    ...ready,
    argument: grammar.passiveFamily,
    data: 'prepare',
    feature: 'EPSV',
    help: 'EPSV [1|2|ALL]',
    run: passive.enterExtendedPassive,
  }),
  PORT: row({
    ...ready,
    argument: grammar.hostPort,
    data: 'prepare',
    sequence: passive.onlyWithoutEpsvAll,
    feature: none,
    help: none,
    run: passive.refuseActive,
  }),
  EPRT: row({
    ...ready,
    argument: grammar.extendedPort,
    data: 'prepare',
    sequence: passive.onlyWithoutEpsvAll,
    feature: none,
    help: none,
    run: passive.refuseExtendedActive,
  }),
  LPRT: row({
    ...ready,
    argument: grammar.optionalText,
    sequence: passive.onlyWithoutEpsvAll,
    feature: none,
    help: none,
    run: passive.refuseLong,
  }),
  LPSV: row({
    ...ready,
    argument: grammar.optionalText,
    sequence: passive.onlyWithoutEpsvAll,
    feature: none,
    help: none,
    run: passive.refuseLong,
  }),

  // Transfers
  RETR: row({ ...ready, argument: grammar.path, data: 'send', needs: 'read', feature: none, help: 'RETR path', run: transfers.retrieve }),
  STOR: row({
    ...ready,
    argument: grammar.newPath,
    data: 'receive',
    needs: 'write',
    feature: none,
    help: 'STOR path',
    run: transfers.store,
  }),
  APPE: row({
    ...ready,
    argument: grammar.newPath,
    data: 'receive',
    needs: 'write',
    feature: none,
    help: 'APPE path',
    run: transfers.append,
  }),
  STOU: row({
    ...ready,
    argument: grammar.stem,
    data: 'receive',
    needs: 'write',
    sequence: transfers.uniqueInTurn,
    feature: none,
    help: 'STOU [stem]',
    run: transfers.storeUnique,
  }),
  LIST: row({ ...ready, argument: grammar.listing, data: 'send', needs: 'list', feature: none, help: 'LIST [path]', run: listings.list }),
  NLST: row({
    ...ready,
    argument: grammar.listing,
    data: 'send',
    needs: 'list',
    feature: none,
    help: 'NLST [path]',
    run: listings.listNames,
  }),
  MLSD: row({
    ...ready,
    argument: grammar.optionalPath,
    data: 'send',
    needs: 'list',
    feature: none,
    help: 'MLSD [directory]',
    run: listings.listFacts,
  }),
  ABOR: row({ ...ready, argument: grammar.ignored, duringTransfer: 'at once', feature: none, help: 'ABOR', run: transfers.abort }),

  // Files and directories
  DELE: row({ ...ready, argument: grammar.path, needs: 'delete', feature: none, help: 'DELE path', run: files.deleteFile }),
  RNFR: row({ ...ready, argument: grammar.path, needs: 'rename', feature: none, help: 'RNFR path', run: files.renameFrom }),
  RNTO: row({
    ...ready,
    argument: grammar.newPath,
    needs: 'rename',
    sequence: files.renameInTurn,
    feature: none,
    help: 'RNTO path',
    run: files.renameTo,
  }),
  SIZE: row({ ...ready, argument: grammar.path, needs: ['list', 'read'], feature: 'SIZE', help: 'SIZE path', run: files.tellSize }),
  MDTM: row({ ...ready, argument: grammar.path, needs: ['list', 'read'], feature: 'MDTM', help: 'MDTM path', run: files.tellModified }),
  MFMT: row({ ...ready, argument: grammar.timedPath, needs: 'write', feature: 'MFMT', help: 'MFMT time path', run: files.setModified }),
  MLST: row({
    ...ready,
    argument: grammar.optionalPath,
    needs: ['list', 'read'],
    feature: 'MLST',
    help: 'MLST [path]',
    run: files.tellFacts,
  }),
  MKD: row({ ...ready, argument: grammar.newPath, needs: 'mkdir', feature: none, help: 'MKD path', run: directories.makeDirectory }),
  RMD: row({ ...ready, argument: grammar.path, needs: 'delete', feature: none, help: 'RMD path', run: directories.removeDirectory }),
  CWD: row({ ...ready, argument: grammar.path, feature: none, help: 'CWD path', run: directories.changeDirectory }),
  CDUP: row({ ...ready, argument: grammar.ignored, feature: none, help: 'CDUP', run: directories.changeToParent }),
  PWD: row({ ...ready, argument: grammar.ignored, feature: 'TVFS', help: 'PWD', run: directories.tellDirectory }),

  // Information
  SYST: row({ ...open, argument: grammar.ignored, feature: none, help: 'SYST', run: information.tellSystem }),
  NOOP: row({ ...open, argument: grammar.ignored, duringTransfer: 'at once', feature: none, help: 'NOOP', run: information.noop }),
  STAT: row({
    ...ready,
    argument: grammar.listing,
    duringTransfer: 'at once',
    feature: none,
    help: 'STAT [path]',
    run: information.status,
  }),
  SITE: row({ ...ready, argument: grammar.subCommand, log: 'word', feature: none, help: 'SITE HELP|CHMOD|UMASK|UTIME', run: site }),
  FEAT: row({
    ...open,
    argument: grammar.nothing,
    feature: none,
    help: 'FEAT',
    run: (_, { state }) => replies.features(featureLines(state.facts)),
  }),
  HELP: row({ ...open, argument: grammar.optionalText, feature: none, help: 'HELP [verb]', run: tellHelp }),

  // Known and not served
  ...Object.fromEntries(
    [
      'AVBL',
      'COMB',
      'CSID',
      'DSIZ',
      'HASH',
      'MD5',
      'MFCT',
      'MFF',
      'MMD5',
      'RANG',
      'RMDA',
      'SMNT',
      'THMB',
      'XCRC',
      'XMD5',
      'XSHA',
      'XSHA1',
      'XSHA256',
    ].map((verb) => [verb, row(refused)]),
  ),
};

/** The spellings of RFC 775. */
const aliases: Record<string, string> = { XCWD: 'CWD', XCUP: 'CDUP', XPWD: 'PWD', XMKD: 'MKD', XRMD: 'RMD' };

export const commandTable: ReadonlyMap<string, Row<unknown>> = new Map([
  ...Object.entries(rows),
  ...Object.entries(aliases).map(([alias, verb]) => [alias, rows[verb] as Row<unknown>] as const),
]);

/** First what a client decides by before it logs in. What a row adds and is not named here comes last. */
const featureOrder = [
  'AUTH TLS',
  'PBSZ',
  'PROT',
  'EPSV',
  'UTF8',
  'TVFS',
  'SIZE',
  'MDTM',
  'MFMT',
  'REST STREAM',
  'MLST',
  'LANG EN*',
  'CLNT',
];

/** The facts that OPTS MLST has chosen carry a star (RFC 3659 §7.8). No MLSD line: MLST speaks for both. */
export function featureLines(chosen: readonly string[]): string[] {
  const features = Object.values(rows).flatMap(({ feature }) => (feature === none ? [] : [feature]));
  const known = featureOrder.filter((feature) => features.includes(feature));
  const facts = allFacts.map((fact) => `${fact}${chosen.includes(fact) ? '*' : ''};`).join('');
  return [...known, ...features.filter((feature) => !featureOrder.includes(feature))].map((feature) =>
    feature === 'MLST' ? `MLST ${facts}` : feature,
  );
}

const verbsPerLine = 10;

function tellHelp(verb: string | undefined) {
  if (verb === undefined) {
    const verbs = [...commandTable].filter(([, { help }]) => help !== none).map(([name]) => name);
    const lines: string[] = [];
    for (let index = 0; index < verbs.length; index += verbsPerLine) lines.push(verbs.slice(index, index + verbsPerLine).join(' '));
    return replies.help(lines);
  }
  const help = commandTable.get(verb.toUpperCase().split(' ')[0] ?? '')?.help;
  return help === undefined || help === none ? replies.unknownHelp : replies.helpOf(help);
}
