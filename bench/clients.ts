import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

/** The programs that play the partner; the same ones against every server. */
const run = promisify(execFile);
const maxBuffer = 16 * 1024 * 1024;
const timeout = 600_000;

export async function curl(...args: readonly string[]): Promise<void> {
  await run('curl', ['-sS', '-k', '-m', '600', '--ssl-reqd', ...args], { maxBuffer });
}

/** For many files: between two of them curl waits up to a second with some servers, which would measure curl. */
export async function lftp(url: string, command: string): Promise<void> {
  const settings =
    'set ssl:verify-certificate no; set ftp:ssl-force true; set ftp:ssl-protect-data true; set xfer:clobber on; set cmd:fail-exit true';
  await run('lftp', ['-c', `${settings}; open ${url}; ${command}`], { timeout, maxBuffer });
}

/** A file through TLS and nothing else. The other side ends it: told to end by itself, openssl takes some bytes of a file for commands. */
export async function sendOverTls(address: string, file: string): Promise<void> {
  await run('bash', ['-c', 'openssl s_client -connect "$1" -quiet < "$2" 2>/dev/null', 'bash', address, file], { timeout });
}
