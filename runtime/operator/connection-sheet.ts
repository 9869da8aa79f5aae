/** What a partner needs to connect, on one page, with commands that work as they are printed. */
export interface SheetFacts {
  readonly host: string;
  readonly explicitPort: number;
  readonly implicitPort: number;
  readonly passivePorts: readonly number[];
  readonly partner: string;
  /** Undefined: it is known to the partner only. */
  readonly password: string | undefined;
  readonly fingerprint: string;
  /** Set when the certificate is self-signed: clients must be told to trust it. */
  readonly certificateFile: string | undefined;
}

export function connectionSheet(facts: SheetFacts): string {
  const { host, explicitPort, implicitPort, partner, password, fingerprint, certificateFile } = facts;
  const shown = password ?? `unchanged (a new one: npx causeway partner password ${partner})`;
  const secret = quote(`${partner}:${password ?? 'PASSWORD'}`);
  const trust = certificateFile ? ` --cacert ${quote(certificateFile)}` : '';
  const trustLftp = certificateFile ? `set ssl:ca-file ${doubleQuote(certificateFile)}; ` : '';
  return `
Causeway is ready. Connection sheet for partner ${partner}:

  host:         ${host}
  explicit TLS: port ${explicitPort}
  implicit TLS: port ${implicitPort}
  passive:      ports ${rangeOf(facts.passivePorts)}
  user:         ${partner}
  password: ${shown}
  certificate:  SHA-256 ${fingerprint}${certificateFile ? `\n                self-signed: ${certificateFile}` : ''}

Upload a file with curl:
  curl --ssl-reqd${trust} --user ${secret} -T FILE ftp://${host}:${explicitPort}/

With lftp:
  lftp -e ${quote(`${trustLftp}put FILE; bye`)} -u ${quote(`${partner},${password ?? 'PASSWORD'}`)} ftp://${host}:${explicitPort}
`;
}

function rangeOf(ports: readonly number[]): string {
  const sorted = [...ports].sort((left, right) => left - right);
  const first = sorted[0] ?? 0;
  const last = sorted.at(-1) ?? 0;
  return last - first === sorted.length - 1 ? `${first}-${last}` : sorted.join(', ');
}

/** For a POSIX shell. */
function quote(text: string): string {
  return /^[A-Za-z0-9_./:,@%+=-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

/** For lftp, inside the shell's quotes. */
function doubleQuote(text: string): string {
  return `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
}
