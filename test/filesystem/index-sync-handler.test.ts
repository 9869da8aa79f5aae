import { MemoryMetadataStore } from '../../runtime/adapters/memory/memory-metadata-store';
import { handler } from '../../runtime/index-sync';
import { openSync } from '../../runtime/open-index-sync';
import { FakeBucket } from '../support/fake-bucket';
import { at, makeFilesystem, names, put, viewOf } from '../support/filesystem';
import { IdleClock } from '../support/idle-clock';

/** The function that the queue with the bucket's events calls, on a bucket in memory: only how it opens its stores is taken out. */
jest.mock('../../runtime/open-index-sync', () => ({ openSync: jest.fn() }));

const saved = { ...process.env };

afterEach(() => {
  process.env = { ...saved };
});

const clock = new IdleClock();
const bucket = new FakeBucket(clock, { versions: true, order: 'begin' });
const fs = makeFilesystem({ metadata: new MemoryMetadataStore(), objects: bucket.store() }, clock);
const view = viewOf(fs);
const message = (messageId: string, key: string, name = 'files') => ({
  messageId,
  body: JSON.stringify({ source: 'aws.s3', detail: { bucket: { name }, object: { key } } }),
});
let beats = 0;

beforeAll(() => {
  jest.mocked(openSync).mockResolvedValue({
    fs,
    beat: async () => {
      beats++;
    },
  } as never);
});

it('says what is wrong with its settings, and opens again at the next call', async () => {
  await expect(handler({ Records: [] })).rejects.toThrow('CAUSEWAY_OBJECTS is not s3');
  process.env = { ...saved, CAUSEWAY_OBJECTS: 's3' };
  await expect(handler({ Records: [] })).rejects.toThrow('CAUSEWAY_BUCKET');
});

it('makes the index equal to what is found, for good messages and strange ones', async () => {
  process.env = { ...saved, CAUSEWAY_OBJECTS: 's3', CAUSEWAY_BUCKET: 'files' };
  await put(view, '/gone', 'content');
  bucket.s3.take('acme/gone');
  bucket.s3.place('acme/new', Buffer.from('placed'));
  bucket.s3.place('acme/elsewhere', Buffer.from('placed'));
  const result = await handler({
    Records: [
      message('1', 'acme/new'),
      message('2', 'acme/gone'),
      message('3', 'acme/elsewhere', 'other'),
      { messageId: '4', body: 'hello' },
    ],
  });
  expect(result).toEqual({ batchItemFailures: [] });
  expect(await names(view)).toEqual(['new 6']);
  expect(beats).toBe(1);
});

it('lets a message come again whose path is being changed, and only that', async () => {
  const upload = await view.prepareUpload(at('/busy'), { kind: 'unique' });
  const { path } = upload;
  bucket.s3.place('acme/other', Buffer.from('placed'));
  const result = await handler({ Records: [message('1', `acme${path}`), message('2', 'acme/other')] });
  expect(result).toEqual({ batchItemFailures: [{ itemIdentifier: '1' }] });
  expect(await names(view)).toContain('other 6');
  await upload.cancel();
});

it('looks at all messages of a call at once', async () => {
  let together: () => void = () => undefined;
  const all = new Promise<void>((resolve) => {
    together = resolve;
  });
  let begun = 0;
  const look = fs.objects.look.bind(fs.objects);
  const spied = jest.spyOn(fs.objects, 'look').mockImplementation(async (key) => {
    if (++begun === 2) together();
    await all;
    return look(key);
  });
  bucket.s3.place('acme/one', Buffer.from('1'));
  bucket.s3.place('acme/two', Buffer.from('2'));
  expect(await handler({ Records: [message('1', 'acme/one'), message('2', 'acme/two')] })).toEqual({ batchItemFailures: [] });
  spied.mockRestore();
  expect(await names(view)).toEqual(expect.arrayContaining(['one 1', 'two 1']));
});
