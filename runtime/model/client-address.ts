/** The address of a client as everything here writes it: `::ffff:192.0.2.1` is 192.0.2.1 on a dual-stack socket. */
export function stripMapped(address: string): string {
  return /^::ffff:\d+\.\d+\.\d+\.\d+$/i.test(address) ? address.slice(7) : address;
}
