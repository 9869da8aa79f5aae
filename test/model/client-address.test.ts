import { stripMapped } from '../../runtime/model/client-address';

it.each([
  ['::ffff:192.0.2.1', '192.0.2.1'],
  ['::FFFF:192.0.2.1', '192.0.2.1'],
  ['192.0.2.1', '192.0.2.1'],
  ['2001:db8::1', '2001:db8::1'],
  ['::ffff:c000:201', '::ffff:c000:201'],
  ['::1', '::1'],
])('%s is written %s', (address, expected) => {
  expect(stripMapped(address)).toBe(expected);
});
