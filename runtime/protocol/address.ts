/** Addresses as FTP writes them: PASV and PORT (RFC 959 §4.1.2), EPSV and EPRT (RFC 2428). */

/** `a,b,c,d,e,f`: exactly what clients look for inside the parentheses of 227. */
export function formatHostPort(address: string, port: number): string {
  return [...address.split('.'), port >> 8, port & 0xff].join(',');
}

export interface HostPort {
  readonly address: string;
  readonly port: number;
}

export function parseHostPort(text: string): HostPort | undefined {
  const match = /^(\d{1,3}),(\d{1,3}),(\d{1,3}),(\d{1,3}),(\d{1,3}),(\d{1,3})$/.exec(text);
  const numbers = match?.slice(1).map(Number);
  if (!numbers || numbers.some((octet) => octet > 255)) return undefined;
  return { address: numbers.slice(0, 4).join('.'), port: (numbers[4] as number) * 256 + (numbers[5] as number) };
}

export interface ExtendedPort {
  readonly family: string;
  readonly address: string;
  readonly port: number;
}

/** `|1|132.235.1.2|6275|`; the delimiter is any character from 33 to 126 (RFC 2428 §2). */
export function parseExtendedPort(text: string): ExtendedPort | undefined {
  const delimiter = text.charCodeAt(0);
  if (!(delimiter >= 33 && delimiter <= 126)) return undefined;
  const fields = text.split(text.charAt(0));
  if (fields.length !== 5 || fields[0] !== '' || fields[4] !== '') return undefined;
  const [, family, address, port] = fields as [string, string, string, string, string];
  if (!/^\d{1,3}$/.test(family) || !/^\d{1,5}$/.test(port) || Number(port) > 65_535 || !isAddressOf(family, address)) return undefined;
  return { family, address, port: Number(port) };
}

/** Of a family that is not ours nothing is known; it is refused as unsupported, not as malformed. */
function isAddressOf(family: string, address: string): boolean {
  if (family === '1') return /^\d{1,3}(\.\d{1,3}){3}$/.test(address) && address.split('.').every((octet) => Number(octet) <= 255);
  if (family === '2') return /^[0-9A-Fa-f:.]{2,45}$/.test(address) && address.includes(':');
  return address !== '';
}
