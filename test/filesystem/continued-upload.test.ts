import { Failure } from '../../runtime/model/failure';
import { FakeClock } from '../support/fake-clock';
import { cut, get, makeFilesystem, memoryStores, put, viewOf } from '../support/filesystem';

/**
 * A store that writes the token beside the bytes does so when they are begun; the upload that continues them, and the one after that, has a token of its own
 * and must still know them again when they are complete.
 */
it('an upload that was cut twice bears the token that it was begun with', async () => {
  const stores = memoryStores();
  const { objects } = stores;
  const begun = jest.spyOn(objects, 'begin');
  const resumed = jest.spyOn(objects, 'resume');
  const fs = makeFilesystem(stores, new FakeClock());
  const lost = new Failure('cut', 'The connection was reset.');
  await cut(viewOf(fs), '/a', ['123456789'], lost);
  const view = viewOf(fs);
  expect((await view.stat('/a' as never, 'size')).size).toBe(8);
  await cut(view, '/a', ['9abcdef'], lost, { kind: 'at', offset: 8 });
  const { size } = await view.stat('/a' as never, 'size');
  await put(view, '/a', 'end', { kind: 'at', offset: size });
  expect(await get(view, '/a')).toBe(`${'123456789abcdef'.slice(0, size)}end`);
  const tokens = [...begun.mock.calls, ...resumed.mock.calls].map(([upload]) => upload.token);
  expect(tokens).toHaveLength(3);
  expect(new Set(tokens).size).toBe(1);
});
