import { handler, type StreamRecord, toCompletionEvent } from '../../lib/completion-event.lambda';

const time = Date.UTC(2026, 10, 25, 9, 30, 0, 250);

function insert(value: unknown): StreamRecord {
  return {
    eventName: 'INSERT',
    dynamodb: {
      NewImage: {
        pk: { S: 'O/acme/in/report.csv' },
        sk: { S: 'O/0001764062999000' },
        rev: { S: 'r' },
        value: { S: JSON.stringify(value) },
      },
    },
  };
}

const arrived = {
  id: 'k3',
  type: 'arrived',
  key: 'acme/in/report.csv',
  sequence: 7,
  time,
  user: 'acme',
  size: 12,
  crc32: 0x00ab12cd,
  version: 'x',
};

describe('a row of the outbox becomes an event', () => {
  it('of a file that arrived, with its checksum as people write it and without what only the server reads', () => {
    expect(toCompletionEvent(insert(arrived), 'files')).toEqual({
      version: 1,
      id: 'k3',
      type: 'arrived',
      bucket: 'files',
      key: 'acme/in/report.csv',
      sequence: 7,
      time: '2026-11-25T09:30:00.250Z',
      user: 'acme',
      size: 12,
      crc32: '00ab12cd',
    });
  });

  it('of a file that somebody else put there: no user, no checksum', () => {
    const { user: _user, crc32: _crc32, ...placed } = arrived;
    const event = toCompletionEvent(insert(placed), 'files');
    expect(Object.keys(event)).toEqual(['version', 'id', 'type', 'bucket', 'key', 'sequence', 'time', 'size']);
  });

  it('of a file that moved: what it is now, and where it was', () => {
    const moved = { ...arrived, id: 'm', type: 'moved', key: 'acme/b', sequence: 9, from: 'acme/a', fromSequence: 8 };
    expect(toCompletionEvent(insert(moved), 'files')).toEqual({
      version: 1,
      id: 'm',
      type: 'moved',
      bucket: 'files',
      key: 'acme/b',
      sequence: 9,
      time: '2026-11-25T09:30:00.250Z',
      user: 'acme',
      size: 12,
      crc32: '00ab12cd',
      from: 'acme/a',
      fromSequence: 8,
    });
  });

  it('of a file that went', () => {
    const event = toCompletionEvent(insert({ id: 'd', type: 'removed', key: 'acme/a', sequence: 9, time }), 'files');
    expect(event).toEqual({
      version: 1,
      id: 'd',
      type: 'removed',
      bucket: 'files',
      key: 'acme/a',
      sequence: 9,
      time: '2026-11-25T09:30:00.250Z',
    });
  });
});

describe('what is no event', () => {
  it.each<[string, unknown]>([
    ['nothing', null],
    ['another type', { ...arrived, type: 'copied' }],
    ['no key', { ...arrived, key: undefined }],
    ['no time', { ...arrived, time: 'now' }],
  ])('%s is thrown, with the place of the row', (_, value) => {
    expect(() => toCompletionEvent(insert(value), 'files')).toThrow('the row O/acme/in/report.csv O/0001764062999000 is not an event');
  });

  it('a row without value is thrown', () => {
    expect(() => toCompletionEvent({ eventName: 'INSERT', dynamodb: { NewImage: { pk: { S: 'O/x' } } } }, 'files')).toThrow(
      'is not an event',
    );
  });
});

describe('the handler', () => {
  const before = process.env['CAUSEWAY_BUCKET'];
  afterEach(() => {
    if (before === undefined) delete process.env['CAUSEWAY_BUCKET'];
    else process.env['CAUSEWAY_BUCKET'] = before;
  });

  it('keeps the order of its batch', async () => {
    process.env['CAUSEWAY_BUCKET'] = 'files';
    const events = await handler([insert(arrived), insert({ ...arrived, id: 'k4', sequence: 8 })]);
    expect(events.map(({ id, bucket }) => [id, bucket])).toEqual([
      ['k3', 'files'],
      ['k4', 'files'],
    ]);
  });

  it('does not work without knowing its bucket', async () => {
    delete process.env['CAUSEWAY_BUCKET'];
    await expect(handler([])).rejects.toThrow('CAUSEWAY_BUCKET is not set');
  });
});
