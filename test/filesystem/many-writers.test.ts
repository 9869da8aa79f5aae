import { MemoryMetadataStore } from '../../runtime/adapters/memory/memory-metadata-store';
import { MemoryObjectStore } from '../../runtime/adapters/memory/memory-object-store';
import { sweep } from '../../runtime/filesystem/sweeper';
import { Failure } from '../../runtime/model/failure';
import { accepts, at, makeFilesystem, names, never, put, sourceOf, unfinished, viewOf } from '../support/filesystem';
import { IdleClock } from '../support/idle-clock';

it('a hundred and twenty devices that send one name at the same moment are all answered, and leave nothing', async () => {
  // A transaction of DynamoDB takes a hundred writes and conditions.
  const stores = { metadata: new MemoryMetadataStore({ maxWrites: 100 }), objects: new MemoryObjectStore() };
  const clock = new IdleClock();
  const tasks = Array.from({ length: 12 }, (_, index) => makeFilesystem(stores, clock, `task-${index}`));
  const [first] = tasks as [(typeof tasks)[0]];
  await put(viewOf(first), '/status', 'before');
  const uploads = await Promise.all(
    tasks.flatMap((fs) => Array.from({ length: 10 }, () => viewOf(fs).prepareUpload(at('/status'), { kind: 'new' }))),
  );
  const answers = await Promise.all(
    uploads.map((upload, index) =>
      upload.receive(sourceOf([`state ${String(index).padStart(3, '0')}`]), accepts, never()).then(
        () => 'stored',
        (error: unknown) => (error instanceof Failure ? error.kind : error),
      ),
    ),
  );
  expect(answers.filter((answer) => answer !== 'stored' && answer !== 'overtaken')).toEqual([]);
  expect(answers).toContain('stored');
  for (const fs of tasks) await sweep(fs, { isDead: () => false });
  expect(await names(viewOf(first))).toEqual(['status 9']);
  expect(await unfinished(first)).toEqual([]);
});
