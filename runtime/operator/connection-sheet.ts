// `isIP` only reads text; no socket comes in with it.
import { isIP } from 'node:net';
import { OperatorError } from './operator-error';

/** What a partner needs to connect, on one page, with commands that work as they are printed. */
export interface SheetFacts {
  readonly host: string;
  /** 0: a free one, chosen when the server starts. */
  readonly explicitPort: number;
  readonly implicitPort: number;
  readonly passivePorts: readonly number[];
  readonly partner: string;
  /** Undefined: it is known to the partner only. */
  readonly password: string | undefined;
  /** Undefined: the server did not show it to whoever made the sheet. */
  readonly fingerprint: string | undefined;
  /** Set when the certificate is self-signed: clients must be told to trust it. */
  readonly certificateFile: string | undefined;
  /** The certificate is one for this host; a client that checks the name refuses it otherwise. */
  readonly hostIsNamed: boolean;
  /** Set when it is not the default: the operator's commands need it. */
  readonly dataFolder: string | undefined;
  /** Set when the server was deployed as a stack: the operator's commands need its name. */
  readonly stack: string | undefined;
}

/** What the sheet's commands name must be a host to a shell and to a URL. */
export function checkHost(host: string): string {
  if (isIP(host) === 0 && !/^[\p{L}\p{N}][\p{L}\p{N}._-]{0,252}$/u.test(host))
    throw new OperatorError(`--host is "${host}", but must be a name such as ftps.example.com, or an address`, 'usage');
  return host;
}

export function connectionSheet(facts: SheetFacts): string {
  const { host, explicitPort, implicitPort, partner, password, fingerprint, certificateFile } = facts;
  const url = `ftp://${host.includes(':') ? `[${host}]` : host}:${explicitPort || 'PORT'}`;
  const trust = certificateFile ? ` --cacert ${quoteForShell(certificateFile)}` : '';
  const trustLftp = certificateFile ? `set ssl:ca-file ${quoteForLftp(certificateFile)}; ` : '';
  // Without a password both clients ask for it.
  const curlUser = quoteForShell(password === undefined ? partner : `${partner}:${password}`);
  const lftpUser = quoteForShell(password === undefined ? partner : `${partner},${password}`);
  return `Connection sheet for partner ${partner}:

  host:         ${host}
  explicit TLS: port ${shownPort(explicitPort)}
  implicit TLS: port ${shownPort(implicitPort)}
  passive:      ports ${shownRange(facts.passivePorts)}
  user:         ${partner}
  password: ${password ?? `unchanged (a new one: ${newPasswordCommand(facts)})`}
  certificate:  ${fingerprint === undefined ? '(its fingerprint was not seen from where this sheet was made)' : `SHA-256 ${fingerprint}`}
${trustNotes(facts)}
A file to send, or the name of your own for FILE:
  echo hello > FILE

Upload it with curl:
  curl --ssl-reqd${trust} --user ${curlUser} -T FILE ${url}/

With lftp:
  lftp -e ${quoteForShell(`${trustLftp}put FILE; bye`)} -u ${lftpUser} ${url}
`;
}

function newPasswordCommand({ dataFolder, partner, stack }: SheetFacts): string {
  const where = stack ? ` --stack ${stack}` : '';
  return `${dataFolder ? `CAUSEWAY_DATA=${quoteForShell(dataFolder)} ` : ''}npx causeway partner password ${partner}${where}`;
}

function trustNotes({ certificateFile, hostIsNamed, host, stack }: SheetFacts): string {
  const settings = stack
    ? 'deploy it with hostName, or with a certificate that is'
    : 'set CAUSEWAY_CERTIFICATE and CAUSEWAY_KEY to one that is';
  const selfSigned = certificateFile ? `                self-signed: ${certificateFile}\n` : '';
  return `${selfSigned}${hostIsNamed ? '' : `                not made for ${host}, so clients refuse it: ${settings}\n`}`;
}

function shownPort(port: number): string {
  return port === 0 ? '(chosen when the server starts)' : String(port);
}

function shownRange(ports: readonly number[]): string {
  const sorted = [...ports].sort((left, right) => left - right);
  const first = sorted[0] ?? 0;
  const last = sorted.at(-1) ?? 0;
  if (first === 0) return '(chosen when the server starts)';
  if (first === last) return String(first);
  return last - first === sorted.length - 1 ? `${first}-${last}` : sorted.join(', ');
}

/** For a POSIX shell. */
export function quoteForShell(text: string): string {
  return /^[A-Za-z0-9_./:,@%+=-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

/** For lftp, inside the shell's quotes. */
function quoteForLftp(text: string): string {
  return `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
}
