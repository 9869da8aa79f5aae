import { pinoLog } from '../../runtime/adapters/pino-log';
import { Failure } from '../../runtime/model/failure';

function open(level = 'debug') {
  const lines: string[] = [];
  const log = pinoLog(level, (line) => lines.push(line));
  return { log, lines, last: () => JSON.parse(lines.at(-1) ?? '') as Record<string, unknown> };
}

it('an event is one line of JSON with its time, level, name and fields', () => {
  const { log, lines, last } = open();
  log.info('transfer.end', { session: 's-AAAAAA', path: '/a\nb', bytes: 5, ms: 1.7, receiptMs: 0.4, code: 226 });
  expect(lines.join('')).toMatch(/^[^\n]+\n$/);
  expect(last()).toEqual({
    level: 'info',
    time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
    event: 'transfer.end',
    session: 's-AAAAAA',
    path: '/a\nb',
    bytes: 5,
    ms: 2,
    receiptMs: 0,
    code: 226,
  });
});

it.each(['password', 'newPassword', 'PASSWORD', 'token', 'clientSecret', 'privateKey', 'credentials'])('the field %s is masked', (name) => {
  const { log, lines, last } = open();
  log.warn('server.warning', { [name]: 'hunter2' });
  expect(last()[name]).toBe('***');
  expect(lines.join('')).not.toContain('hunter2');
});

it('a cause is written with its code, its stack and what caused it', () => {
  const { log, last } = open();
  const inner = Object.assign(new Error('no space'), { code: 'ENOSPC' });
  log.error('store.error', { cause: new Failure('disk-full', 'No space left.', { cause: inner }) });
  expect(last()['cause']).toEqual({
    name: 'Failure',
    message: 'No space left.',
    stack: expect.stringContaining('pino-log.test'),
    cause: { name: 'Error', message: 'no space', code: 'ENOSPC' },
  });
});

it('a chain of causes that bites its tail ends', () => {
  const { log, lines } = open();
  const error = new Error('again') as Error & { cause?: unknown };
  error.cause = error;
  log.error('server.fatal', { cause: error });
  expect(lines).toHaveLength(1);
});

it('whatever is thrown can be written', () => {
  const { log, last } = open();
  const loop: Record<string, unknown> = {};
  loop['self'] = loop;
  for (const cause of ['text', 5n, null, loop, () => 1, Symbol('s')]) {
    log.error('server.fatal', { cause });
    expect(typeof last()['cause']).toBe('string');
  }
});

it('what is less important than the level is not written', () => {
  const { log, lines } = open('warn');
  log.debug('command');
  log.info('command');
  log.warn('server.warning');
  log.error('server.fatal');
  expect(lines.map((line) => JSON.parse(line).level)).toEqual(['warn', 'error']);
});

it('a log of a session puts its own fields on every line, and a line may say otherwise', () => {
  const { log, last } = open();
  const own = log.with({ session: 's-AAAAAA', peer: '192.0.2.1' }).with({ partner: 'acme' });
  own.info('login.ok', { peer: '192.0.2.2', path: undefined });
  expect(last()).toMatchObject({ session: 's-AAAAAA', partner: 'acme', peer: '192.0.2.2' });
  expect(last()).not.toHaveProperty('path');
});
