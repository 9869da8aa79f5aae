import { isPrivate, warningOfAddress } from '../../runtime/config/private-address';

it.each(['10.0.0.1', '127.0.0.1', '172.16.0.1', '172.31.255.255', '192.168.1.1', '169.254.1.1', '100.64.0.1', '100.127.255.255'])(
  '%s is private',
  (address) => expect(isPrivate(address)).toBe(true),
);

it.each(['203.0.113.5', '172.15.0.1', '172.32.0.1', '192.169.0.1', '100.63.0.1', '100.128.0.1', '11.0.0.1'])('%s is public', (address) =>
  expect(isPrivate(address)).toBe(false),
);

const warning = (host: string, pasvAddress: string | undefined, ...own: string[]) => warningOfAddress({ host, pasvAddress }, own);

it('a private address set for PASV is warned about', () => {
  expect(warning('0.0.0.0', '10.1.2.3', '203.0.113.5')).toContain('CAUSEWAY_PASV_ADDRESS 10.1.2.3 is a private address');
});

it('a machine with private addresses only is warned about, for it may stand behind NAT', () => {
  expect(warning('0.0.0.0', undefined, '192.168.1.2', '10.0.0.2')).toContain('192.168.1.2, 10.0.0.2');
  expect(warning('::', undefined, '192.168.1.2')).toContain('CAUSEWAY_PASV_ADDRESS');
  expect(warning('192.168.1.2', undefined, '192.168.1.2', '203.0.113.5')).toContain('(192.168.1.2)');
});

it.each([
  ['0.0.0.0', '203.0.113.5', '10.0.0.2'],
  ['0.0.0.0', undefined, '203.0.113.5'],
  ['203.0.113.5', undefined, '10.0.0.2'],
  ['127.0.0.1', undefined, '10.0.0.2'],
  ['localhost', undefined, '10.0.0.2'],
  ['::1', undefined, '10.0.0.2'],
  ['0.0.0.0', undefined],
])('nothing is said of a server on %s that names %s', (host, named, ...own) => {
  expect(warning(host as string, named, ...(own as string[]))).toBeUndefined();
});
