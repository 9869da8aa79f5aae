import { keysOfEvent } from '../../runtime/adapters/bucket-events/bucket-event';

const record = (key: string, bucket = 'files') => ({
  eventVersion: '2.1',
  eventSource: 'aws:s3',
  eventName: 'ObjectCreated:Put',
  s3: { bucket: { name: bucket, arn: `arn:aws:s3:::${bucket}` }, object: { key, size: 3, eTag: 'e', sequencer: '0055AED6DCD90281E5' } },
});
const notification = (...records: object[]) => JSON.stringify({ Records: records });
const viaEventBridge = (key: string, bucket = 'files') =>
  JSON.stringify({
    version: '0',
    'detail-type': 'Object Created',
    source: 'aws.s3',
    detail: { version: '0', bucket: { name: bucket }, object: { key, size: 3, etag: 'e' }, reason: 'PutObject' },
  });

it.each([
  ['one record', notification(record('acme/a.csv')), ['acme/a.csv']],
  ['several records', notification(record('acme/a'), record('acme/b')), ['acme/a', 'acme/b']],
  ['a key with spaces and accents, encoded as a form', notification(record('acme/two+words+%C3%A9%2B')), ['acme/two words é+']],
  ['an event of EventBridge, whose key is not encoded', viaEventBridge('acme/a+b%20c'), ['acme/a+b%20c']],
  ['a notification through a topic', JSON.stringify({ Type: 'Notification', Message: notification(record('acme/a')) }), ['acme/a']],
  ['another bucket', notification(record('acme/a', 'other')), []],
  ['another bucket through EventBridge', viaEventBridge('acme/a', 'other'), []],
  ['the test message', JSON.stringify({ Service: 'Amazon S3', Event: 's3:TestEvent', Bucket: 'files' }), []],
  ['no JSON', 'hello', []],
  ['JSON that is no object', '[1]', []],
  ['null', 'null', []],
  ['records that are none', JSON.stringify({ Records: [null, 1, {}, { s3: { object: {} } }] }), []],
  ['a key that is wrongly encoded', notification(record('acme/%E0%A4%A')), []],
])('%s', (_what, body, keys) => {
  expect(keysOfEvent(body, 'files')).toEqual(keys);
});
