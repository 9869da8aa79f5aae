import { formatHostPort } from './address';
import { quotePath, type Reply, sanitise } from './reply';

/**
 * Every reply of the server, named by its situation. Numbers stand here and nowhere else; several situations may share one. Texts that clients look for
 * are kept as they know them: `No such file or directory`, `Permission denied`, `already exists`, `Transfer complete`, `No space left`. No parentheses
 * but in 227, 229, 522 and `(N bytes)`: some clients take whatever stands in them for an address.
 */
function reply(code: number, ...lines: string[]): Reply {
  return { code, lines };
}

// Greeting and session
export const greeting = (session: string) => reply(220, `FTPS server ready ${session}`);
export const tooManyConnections = reply(421, 'Too many connections from this address; try again later.');
export const tooManySessions = reply(421, 'Too many sessions of this account; close one first.');
export const idleTooLong = (seconds: number) => reply(421, `Idle for ${seconds} seconds, closing.`);
export const loginTooSlow = (seconds: number) => reply(421, `No login within ${seconds} seconds, closing.`);
export const sessionTooLong = reply(421, 'Session lasted its longest time, reconnect now.');
export const restarting = reply(421, 'Server restarting, reconnect now.');
export const kicked = reply(421, 'This session was ended by the operator, closing.');
export const accountDisabled = reply(421, 'This account has been disabled or removed, closing.');
export const addressBarred = reply(421, 'This account may no longer be used from this address, closing.');
export const internalError = reply(421, 'Internal error, closing this session.');
export const tooManyBadCommands = reply(421, 'Too many unknown commands, closing.');
export const tooManyLongLines = reply(421, 'Too many command lines that are too long, closing.');
export const goodbye = reply(221, 'Goodbye.');
export const reinitialised = reply(220, 'Ready for a new user.');

// Command lines
export const lineTooLong = reply(500, 'Command line too long.');
export const unknownCommand = reply(500, 'Command not recognised.');
export const notImplemented = reply(502, 'Command not implemented.');
export const syntaxError = reply(501, 'Syntax error in arguments.');
export const unsupportedArgument = reply(504, 'Argument not supported.');
export const badSequence = (what: string) => reply(503, what);

// Security, RFC 2228 and RFC 4217
export const tlsRequired = reply(530, 'TLS required: send AUTH TLS first.');
export const authAccepted = reply(234, 'Proceed with negotiation.');
export const alreadySecured = reply(503, 'This connection is already protected, or was.');
export const noExchange = reply(503, 'No security data exchange is pending.');
export const protectedByTls = reply(537, 'Protection levels of commands are not supported under TLS.');
export const needsAuthFirst = reply(503, 'Send AUTH TLS first.');
export const needsPbszFirst = reply(503, 'Send PBSZ 0 first.');
export const frozenByCcc = reply(503, 'Protection cannot be changed after CCC.');
export const bufferSizeAccepted = reply(200, 'PBSZ=0');
export const protectionPrivate = reply(200, 'Data protection set to Private.');
export const protectionClear = reply(200, 'Data protection set to Clear.');
export const clearDataRefused = reply(534, 'Policy requires protected data: send PROT P.');
export const levelUnsupported = reply(536, 'Only PROT C and PROT P are possible under TLS.');
export const cccRefused = reply(534, 'Clearing the command channel is not allowed for this account.');
export const cccOnClear = reply(533, 'The command channel is not protected.');
export const cccBeforeLogin = reply(534, 'Log in before clearing the command channel.');
export const commandChannelClear = reply(200, 'Command channel is clear from now on.');
export const protectionTooLow = reply(521, 'Data connection must be protected: send PROT P.');

// Login
export const passwordPlease = reply(331, 'Password required.');
export const alreadyLoggedIn = reply(530, 'Already logged in; send REIN to change the user.');
export const needsUserFirst = reply(503, 'Send USER first.');
export const needsPasswordFirst = reply(503, 'Send PASS first.');
export const alreadyPassed = reply(503, 'Already logged in.');
export const loggedIn = reply(230, 'Logged in.');
export const loginIncorrect = reply(530, 'Login incorrect.');
export const loginFailedTooOften = reply(421, 'Login incorrect too often, closing.');
export const notLoggedIn = reply(530, 'Not logged in.');
export const accountSuperfluous = reply(202, 'Account information is not needed.');

// Parameters
export const typeSet = (type: 'A' | 'I') => reply(200, `Type set to ${type}.`);
export const structureSet = reply(200, 'Structure set to F.');
export const modeSet = reply(200, 'Mode set to S.');
export const restartMarked = (offset: number) => reply(350, `Restarting at ${offset}. Send STOR, APPE or RETR next.`);
export const allocationNoted = reply(202, 'No allocation needed; the size is compared with what arrives.');
export const utf8Always = reply(200, 'UTF8 is always on.');
export const factsSet = (facts: readonly string[]) => reply(200, `MLST OPTS ${facts.map((fact) => `${fact};`).join('')}`.trimEnd());
export const unknownOption = reply(501, 'Option not recognised.');
export const languageSet = reply(200, 'Replies are in English.');
export const clientNoted = reply(200, 'Noted.');

// Data connections
export const enteringPassive = (address: string, port: number) => reply(227, `Entering Passive Mode (${formatHostPort(address, port)}).`);
export const enteringExtendedPassive = (port: number) => reply(229, `Entering Extended Passive Mode (|||${port}|)`);
export const onlyExtendedPassive = reply(503, 'Only EPSV is accepted after EPSV ALL.');
export const extendedPassiveOnly = reply(200, 'EPSV ALL accepted.');
export const useExtendedPassive = reply(501, 'Use EPSV on IPv6.');
export const familyUnsupported = (use: 1 | 2) => reply(522, `Network protocol not supported, use (${use})`);
export const activeModeOff = reply(502, 'Active mode is off: use PASV or EPSV.');
export const usePassiveFirst = reply(425, 'Use PASV or EPSV first.');

// Transfers
export const openingData = (what: string) => reply(150, what);
export const openingFile = (bytes: number) => reply(150, `Opening data connection (${bytes} bytes).`);
export const openingUnique = (name: string) => reply(150, `FILE: ${sanitise(name)}`);
export const transferComplete = reply(226, 'Transfer complete.');
export const transferBug = reply(451, 'Internal error; the transfer was not completed.');
export const nothingToAbort = reply(226, 'No transfer to abort.');
export const abortDone = reply(226, 'Abort done.');

// Files and directories
export const directoryChanged = reply(250, 'Directory changed.');
export const currentDirectory = (path: string) => reply(257, `${quotePath(path)} is the current directory`);
export const directoryMade = (path: string) => reply(257, `${quotePath(path)} created`);
export const directoryRemoved = reply(250, 'Directory removed.');
export const fileDeleted = reply(250, 'File deleted.');
export const renameFromAccepted = reply(350, 'Ready for the new name: send RNTO.');
export const needsRenameFrom = reply(503, 'Send RNFR first.');
export const renamed = reply(250, 'Renamed.');
export const size = (bytes: number) => reply(213, String(bytes));
export const modified = (time: string) => reply(213, time);
export const modifySet = (time: string, path: string) => reply(213, `Modify=${time}; ${path}`);
export const facts = (line: string, path: string) => reply(250, `Listing ${path}`, line, 'End');
export const notAPlainFile = reply(550, 'Not a plain file.');
export const notADirectory = reply(550, 'Not a directory.');
export const mlsdOfFile = reply(501, 'MLSD lists directories; use MLST for a file.');
export const badName = (why: string, creates: boolean) => reply(creates ? 553 : 550, `Name not allowed: ${why}.`);
export const undecodable = (creates: boolean) => reply(creates ? 553 : 501, 'Name not allowed: it is not UTF-8.');

// Information
export const system = reply(215, 'UNIX Type: L8');
export const ok = reply(200, 'OK.');
export const features = (lines: readonly string[]) => reply(211, 'Features:', ...lines, 'End');
export const help = (lines: readonly string[]) => reply(214, 'Commands:', ...lines, 'End');
export const helpOf = (syntax: string) => reply(214, `Syntax: ${syntax}`);
export const unknownHelp = reply(501, 'No help for that.');
export const status = (lines: readonly string[]) => reply(211, 'Status:', ...lines, 'End');
export const statusOfFile = (lines: readonly string[]) => reply(213, 'Status:', ...lines, 'End');
export const statusOfDirectory = (lines: readonly string[]) => reply(212, 'Status:', ...lines, 'End');
export const tooLongForStatus = reply(450, 'Too many entries for STAT: use LIST.');

// SITE
export const modeIgnored = reply(200, 'CHMOD ignored: rights are set by the operator.');
export const timeSet = reply(200, 'Time set.');
export const siteIgnored = reply(202, 'Not needed here, ignored.');
export const umask = reply(200, 'UMASK is 022 and has no effect.');

/** Failures get their number by kind (`session/failure-reply.ts`) and their text from the failure itself. */
export const failureCodes = {
  noDataConnection: 425,
  transferBroken: 426,
  busy: 450,
  storage: 451,
  noSpace: 452,
  dataTls: 522,
  refused: 550,
  tooLarge: 552,
  nameRefused: 553,
  restartImpossible: 554,
} as const;

export function failed(situation: keyof typeof failureCodes, message: string): Reply {
  return reply(failureCodes[situation], message.replace(/[()]/g, ''));
}
