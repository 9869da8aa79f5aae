import { ActiveUpload } from '../../runtime/filesystem/active-uploads';
import { oneProcess } from '../support/one-process';

function make() {
  const { fs, clock } = oneProcess();
  const add = (token: string, key: string, begun = 0, user = 'acme') => {
    const upload = new ActiveUpload(fs, token, key, user, begun);
    fs.active.add(upload);
    return upload;
  };
  return { fs, clock, active: fs.active, add };
}

it('a partner’s uploads of a path come latest begun first, and are nobody else’s', () => {
  const { active, add } = make();
  add('first', 'acme/a', 1);
  add('third', 'acme/a', 3);
  add('second', 'acme/a', 2);
  add('other path', 'acme/ab', 4);
  add('other partner', 'acme/a', 5, 'other');
  expect(active.of('acme/a', 'acme').map(({ token }) => token)).toEqual(['third', 'second', 'first']);
});

it('something is below a directory only when its path goes through it', () => {
  const { active, add } = make();
  const upload = add('one', 'acme/dir/sub/a');
  add('two', 'acme/directory');
  expect(['acme', 'acme/dir', 'acme/dir/sub', 'acme/direct', 'acme/dir/sub/a'].map((key) => active.below(key))).toEqual([
    true,
    true,
    true,
    false,
    false,
  ]);
  upload.end();
  expect(active.below('acme/dir')).toBe(false);
});

it('an upload is worked on until it ends, a change until it returns, also when it throws', async () => {
  const { active, add } = make();
  const upload = add('upload', 'acme/a');
  let during = false;
  const change = active.during('change', async () => {
    during = active.worksOn('change');
    throw new Error('no');
  });
  await expect(change).rejects.toThrow('no');
  expect([active.worksOn('upload'), during, active.worksOn('change')]).toEqual([true, true, false]);
  upload.end();
  await upload.ended;
  expect(active.worksOn('upload')).toBe(false);
  expect(active.size).toBe(0);
});

it('an upload is silent after five seconds without a byte, but not while we make its client wait', async () => {
  const { add, clock } = make();
  const upload = add('one', 'acme/a');
  await clock.advance(4_999);
  expect(upload.silent).toBe(false);
  await clock.advance(1);
  expect(upload.silent).toBe(true);
  upload.sawBytes();
  expect(upload.silent).toBe(false);
  upload.setWaiting(true);
  await clock.advance(60_000);
  expect(upload.silent).toBe(false);
  upload.setWaiting(false);
  await clock.advance(4_999);
  expect(upload.silent).toBe(false);
  await clock.advance(1);
  expect(upload.silent).toBe(true);
});

it('a takeover stops it at what is durable at that moment, and waits until it has ended', async () => {
  const { add } = make();
  const upload = add('one', 'acme/a');
  upload.progress = () => ({ parts: [], durable: 7, reserved: 0 });
  let over = false;
  const taken = upload.takeOver().then(() => {
    over = true;
  });
  expect(upload.signal.aborted).toBe(true);
  expect(upload.signal.reason).toMatchObject({ kind: 'taken-over' });
  upload.progress = () => ({ parts: [], durable: 9, reserved: 0 });
  expect([upload.takenOverAt, over]).toEqual([7, false]);
  upload.end();
  await taken;
});

describe('an upload that another process asks for', () => {
  function holding(durable: number) {
    const made = make();
    const upload = made.add('one', 'acme/a');
    upload.progress = () => ({ parts: [], durable, reserved: 0 });
    const takeOver = jest.spyOn(upload, 'takeOver').mockImplementation(async () => upload.end());
    return { ...made, upload, takeOver };
  }

  it('is put aside when it is silent, at exactly the size that was told', async () => {
    const { active, clock, takeOver } = holding(17);
    await clock.advance(5_000);
    expect(await active.yield('one', 16)).toBe(false);
    expect(takeOver).not.toHaveBeenCalled();
    expect(await active.yield('one', 17)).toBe(true);
    expect(takeOver).toHaveBeenCalledTimes(1);
  });

  it('is not while bytes come, nor when its commit has begun', async () => {
    const { active, clock, upload } = holding(17);
    expect(await active.yield('one', 17)).toBe(false);
    await clock.advance(5_000);
    upload.committing = true;
    expect(await active.yield('one', 17)).toBe(false);
  });

  it('is waited for when it is lost already, and has ended when nobody knows it', async () => {
    const { active, upload, takeOver } = holding(17);
    upload.lost = true;
    let answered = false;
    const asked = active.yield('one', 17).then((done) => {
      answered = true;
      return done;
    });
    await Promise.resolve();
    expect(answered).toBe(false);
    upload.end();
    expect(await asked).toBe(true);
    expect(await active.yield('one', 17)).toBe(true);
    expect(takeOver).not.toHaveBeenCalled();
  });
});
