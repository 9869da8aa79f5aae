import type { Fleet } from '../../runtime/filesystem/filesystem';
import { Failure } from '../../runtime/model/failure';
import type { ByteSource } from '../../runtime/ports/byte-source';
import { fastClock } from '../support/fast-clock';
import { accepts, at, get, makeFilesystem, memoryStores, names, never, put, viewOf } from '../support/filesystem';
import { kindOf } from '../support/one-process';

/** Two tasks on the same stores: a client whose connection broke comes back to the other one. */

/** Sends, then waits until the test lets it go on or breaks it. */
class HeldSource implements ByteSource {
  private release: (pieces: readonly string[]) => void = () => undefined;
  private cut: (reason: Error) => void = () => undefined;
  readonly sent: Promise<void>;
  private wasSent: () => void = () => undefined;

  constructor(private readonly first: string) {
    this.sent = new Promise((resolve) => {
      this.wasSent = resolve;
    });
  }

  async deliver(accept: (bytes: Buffer) => boolean): Promise<void> {
    accept(Buffer.from(this.first));
    const rest = new Promise<readonly string[]>((resolve, reject) => {
      this.release = resolve;
      this.cut = reject;
    });
    this.wasSent();
    for (const piece of await rest) accept(Buffer.from(piece));
  }

  goOn(...pieces: string[]): void {
    this.release(pieces);
  }

  break(reason: Error): void {
    this.cut(reason);
  }
}

async function make() {
  const clock = fastClock();
  const stores = memoryStores();
  const known = { dead: new Set<string>(), silent: new Set<string>() };
  const fleet: Fleet = { isDead: (task) => known.dead.has(task), isSilent: (_task, token) => known.silent.has(token) };
  const first = makeFilesystem(stores, clock, 'first');
  const second = { ...makeFilesystem(stores, clock, 'second'), fleet };
  second.folders.attach(second);
  const source = new HeldSource('sixteen bytes ok');
  const upload = await viewOf(first).prepareUpload(at('/a'), { kind: 'new' });
  const ended = upload.receive(source, accepts, never()).then(
    () => 'committed',
    (error: Failure) => error.kind,
  );
  await source.sent;
  // The record is written with the first durable bytes, at most once a second.
  await clock.sleep(2_000);
  const [record] = await first.metadata.page('upload', 'acme', { limit: 1 });
  return {
    known,
    first,
    second,
    view: viewOf(second),
    source,
    ended,
    token: record?.value.token as string,
    durable: record?.value.progress.durable as number,
  };
}

it('an upload that moves elsewhere is shown as others see the path, and cannot be continued', async () => {
  const { view, source, ended } = await make();
  expect(await kindOf(view.stat(at('/a'), 'size'))).toBe('not-found');
  expect(await names(view)).toEqual([]);
  expect(await kindOf(view.prepareUpload(at('/a'), { kind: 'at', offset: 15 }))).toBe('restart-moved-on');
  source.goOn(' and more');
  expect(await ended).toBe('committed');
  expect(await get(view, '/a')).toBe('sixteen bytes ok and more');
});

it('one that its task calls silent is told its durable size and continued from there; the other task is refused', async () => {
  const { known, view, source, ended, token, durable } = await make();
  known.silent.add(token);
  expect((await view.stat(at('/a'), 'size')).size).toBe(durable);
  await put(view, '/a', 'sixteen bytes ok'.slice(durable), { kind: 'at', offset: durable });
  expect(await get(view, '/a')).toBe('sixteen bytes ok');
  source.goOn(' but late, and long enough for a part');
  expect(await ended).toBe('taken-over');
  expect(await get(view, '/a')).toBe('sixteen bytes ok');
});

it('continued at another number than was told, it is refused and goes on where it is', async () => {
  const { known, view, source, ended, token, durable } = await make();
  known.silent.add(token);
  await view.stat(at('/a'), 'size');
  expect(await kindOf(view.prepareUpload(at('/a'), { kind: 'at', offset: durable - 1 }))).toBe('restart-moved-on');
  source.goOn();
  expect(await ended).toBe('committed');
});

it('one that a dead task has left is parked before it is answered', async () => {
  const { known, view, durable, source, ended } = await make();
  known.dead.add('first');
  const shown = await view.stat(at('/a'), 'size');
  expect(shown).toMatchObject({ size: durable, parked: true });
  expect(await names(view)).toEqual([`a ${durable}`]);
  // The task was only paused: what it does now is refused.
  source.goOn(' and more than one part of eight');
  expect(await ended).toBe('taken-over');
  await put(view, '/a', 'sixteen bytes ok'.slice(durable), { kind: 'append' });
  expect(await get(view, '/a')).toBe('sixteen bytes ok');
});

it('whose parts the other task finds gone, for it was carried on meanwhile, is told to be there and not to be lost', async () => {
  const { known, view, source, ended, token, durable } = await make();
  known.silent.add(token);
  await view.stat(at('/a'), 'size');
  await put(view, '/a', 'sixteen bytes ok'.slice(durable), { kind: 'at', offset: durable });
  source.break(new Failure('store-unavailable', 'What was received has been removed from the storage; send the file again.'));
  expect(await ended).toBe('taken-over');
  expect(await get(view, '/a')).toBe('sixteen bytes ok');
});

it('a cut that the other task sees only now leaves what was continued meanwhile alone', async () => {
  const { known, view, source, ended, token, durable } = await make();
  known.silent.add(token);
  await view.stat(at('/a'), 'size');
  await put(view, '/a', 'sixteen bytes ok'.slice(durable), { kind: 'at', offset: durable });
  source.break(new Failure('cut', 'The connection was reset.'));
  expect(await ended).toBe('cut');
  expect(await names(view)).toEqual(['a 16']);
});

describe('where only the task itself can put an upload aside', () => {
  it('it is asked to, and the upload goes on elsewhere from what it told', async () => {
    const { known, first, second, ended, token, durable } = await make();
    known.silent.add(token);
    const asked: unknown[] = [];
    const park = async (...question: [string, string, number]) => {
      asked.push(question);
      await first.active.get(token)?.takeOver();
      return true;
    };
    const view = viewOf({ ...second, fleet: { ...second.fleet, park } });
    expect((await view.stat(at('/a'), 'size')).size).toBe(durable);
    expect(asked).toEqual([]);
    await put(view, '/a', 'sixteen bytes ok'.slice(durable), { kind: 'at', offset: durable });
    expect(asked).toEqual([['first', token, durable]]);
    expect(await ended).toBe('taken-over');
    expect(await get(view, '/a')).toBe('sixteen bytes ok');
  });

  it('and does not, the client is told to ask again, and nothing has changed', async () => {
    const { known, second, source, ended, token, durable } = await make();
    known.silent.add(token);
    const view = viewOf({ ...second, fleet: { ...second.fleet, park: async () => false } });
    await view.stat(at('/a'), 'size');
    expect(await kindOf(view.prepareUpload(at('/a'), { kind: 'at', offset: durable }))).toBe('restart-moved-on');
    source.goOn(' and more');
    expect(await ended).toBe('committed');
    expect(await get(view, '/a')).toBe('sixteen bytes ok and more');
  });
});
