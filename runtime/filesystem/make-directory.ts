import { placeOf } from '../model/entry';
import { Failure } from '../model/failure';
import type { User } from '../model/user';
import type { VirtualPath } from '../model/virtual-path';
import { requireRight } from './access';
import type { Filesystem } from './filesystem';
import { nextTime } from './logical-time';
import { objectKey } from './object-key';
import { ownsClaim, releaseClaim, takeClaim, waitForClaim } from './path-claim';
import { readPath, requireAncestors } from './path-state';
import { entryKey } from './rows';
import { transact } from './transaction';

/** A directory is a row; a store that has directories of its own gets one too. Claim, then the parents are read, then the effect, then the row. */
export async function makeDirectory(fs: Filesystem, user: User, path: VirtualPath): Promise<void> {
  requireRight(user, path, 'mkdir');
  if (path === '/') throw exists();
  const key = objectKey(user, path);
  const token = fs.ids.token();
  await fs.folders.requireNoFold(fs, key, undefined);
  await fs.active.during(token, async () => {
    const deadline = fs.clock.monotonic() + fs.limits.claimWait;
    await waitForClaim(fs, deadline, () =>
      transact(fs, async (tx) => {
        const { entry } = await readPath(tx, key);
        if (entry) throw exists();
        await takeClaim(tx, fs, key, { token, owner: fs.task, purpose: 'mkdir' });
      }),
    );
    try {
      await requireAncestors(fs, key, user.home);
      if (await fs.objects.look(key)) throw exists();
      await fs.objects.directories?.make(key);
    } catch (error) {
      await transact(fs, async (tx) => {
        if (await ownsClaim(tx, key, token, fs.task)) await releaseClaim(tx, fs, key);
      });
      throw error;
    }
    await transact(fs, async (tx) => {
      const { entry, claim, uploads } = await readPath(tx, key);
      if (!(await ownsClaim(tx, key, token, fs.task))) return;
      const now = fs.clock.now();
      const sequence = nextTime(now, entry, claim, uploads);
      tx.put(entryKey(placeOf(key)), { kind: 'directory', created: now, modified: now, implicit: false, sequence });
      await releaseClaim(tx, fs, key);
    });
  });
}

function exists(): Failure {
  return new Failure('exists', 'A file or directory of this name already exists.');
}
