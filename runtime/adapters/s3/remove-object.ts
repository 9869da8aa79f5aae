import { DeleteObjectCommand } from '@aws-sdk/client-s3';
import type { ObjectKey, Version } from '../../model/entry';
import type { Found } from '../../ports/object-store';
import { once } from './attempts';
import { type Bucket, fullKey } from './bucket';
import { changedAllTheTime, outcomeOf, refusedChange } from './errors';
import { look } from './look';
import { parseVersion, quoted } from './versions';

/**
 * Removes the key on condition that it still holds this version, and never a version by its id: in a bucket that keeps versions the one before would come
 * back. A store without the condition is looked at just before.
 */
export async function removeObject(
  bucket: Bucket,
  storedKey: ObjectKey,
  version: Version,
): Promise<'removed' | 'absent' | { other: Found }> {
  const conditional = bucket.profile.conditionalDelete;
  for (let tries = 0; tries < 3; tries++) {
    if (!conditional || tries > 0) {
      const there = await look(bucket, storedKey);
      if (!there) return 'absent';
      if (there.version !== version) return { other: there };
    }
    try {
      await once(
        bucket,
        () =>
          bucket.send(
            new DeleteObjectCommand({
              Bucket: bucket.name,
              Key: fullKey(bucket, storedKey),
              ...(conditional && { IfMatch: quoted(parseVersion(version).etag) }),
            }),
          ),
        'gone',
        'refused',
      );
      return 'removed';
    } catch (error) {
      const outcome = outcomeOf(error);
      if (outcome === 'gone') return 'absent';
      if (outcome !== 'refused') throw refusedChange(error) ?? error;
    }
  }
  throw changedAllTheTime('delete');
}
