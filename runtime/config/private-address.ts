/**
 * A client outside that is told an address of the inside connects to nobody, and sees no more than a time-out; most errors of new installations are
 * this one, so it is said at start.
 */
export function warningOfAddress(
  config: { readonly pasvAddress: string | undefined; readonly host: string },
  own: readonly string[],
): string | undefined {
  const { pasvAddress, host } = config;
  if (pasvAddress !== undefined) {
    if (!isPrivate(pasvAddress)) return undefined;
    return `CAUSEWAY_PASV_ADDRESS ${pasvAddress} is a private address: clients outside this network cannot reach it`;
  }
  if (host === 'localhost' || host === '::1' || host.startsWith('127.')) return undefined;
  const reached = /^\d+(\.\d+){3}$/.test(host) && host !== '0.0.0.0' ? [host] : own;
  if (reached.length === 0 || !reached.every(isPrivate)) return undefined;
  return `PASV names a private address (${reached.join(', ')}): if clients come from outside, through NAT, set CAUSEWAY_PASV_ADDRESS to the address they use`;
}

/** RFC 1918, loopback, link-local, and the carriers' shared space of RFC 6598. */
export function isPrivate(address: string): boolean {
  const [a = 0, b = 0] = address.split('.').map(Number);
  return (
    a === 10 ||
    a === 127 ||
    (a === 172 && b >= 16 && b <= 31) ||
    (a === 192 && b === 168) ||
    (a === 169 && b === 254) ||
    (a === 100 && b >= 64 && b <= 127)
  );
}
