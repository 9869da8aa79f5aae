import type { ObjectKey } from '../../model/entry';
import type { Copied, Copy } from '../../ports/object-store';
import type { Bucket } from './bucket';
import { wholeCrc32 } from './checksum';
import { conditionFor } from './complete';
import { findOwn } from './confirm';
import { copyVersion, isOrderedByBegin, keepsCondition } from './copy-version';
import { changedAllTheTime } from './errors';
import { finishUpload } from './finish';
import { copiedMetadata } from './headers';
import { foundOf, head, lookForOwn, type Own } from './look';
import { endUpload } from './multipart';
import { parseVersion } from './versions';

/**
 * Copies exactly the version at the source to the target, on condition that the target is what the claim saw. Repeated after a lost answer it finds its own
 * token there.
 */
const mostRounds = 4;

export async function copyObject(bucket: Bucket, copy: Copy): Promise<Copied> {
  const { token, user, from, version, size, to, over } = copy;
  for (const uploadId of copy.begun) await endUpload(bucket, to, uploadId);
  const again = copy.repeated || copy.begun.length > 0;
  for (let round = 0; round < mostRounds; round++) {
    const source = await head(bucket, from);
    const there = source && foundOf(source);
    // A source that has gone may have been removed by ourselves, after a copy whose answer was lost; so may a copy that is refused be there already.
    const first = round === 0 && !again && there?.version === version && keepsCondition(bucket, size);
    if (!first) {
      const target = await lookForOwn(bucket, to, { token, size });
      if ('own' in target) return { version: target.own };
      if (again && (await wasTaken(bucket, to, { token, size }))) return 'taken';
      if (!there) return 'source-absent';
      if (there.version !== version) return { sourceOther: there };
      if (target.other && target.other.version !== over) return { occupied: target.other };
      if (!target.other && over !== undefined) return 'vanished';
    }
    const outcome = await copyVersion(bucket, {
      from,
      source: parseVersion(version),
      size,
      to,
      metadata: copiedMetadata(source?.Metadata, token, user),
      contentType: source?.ContentType,
      crc32: source && wholeCrc32(source),
      condition: conditionFor(over),
      onBegin: copy.onBegin,
    });
    if (outcome === 'refused') continue;
    return 'version' in outcome ? outcome : finishUpload(bucket, to, { token, size }, outcome.completed);
  }
  throw changedAllTheTime('copy');
}

/**
 * A consumer may have taken the copy of an attempt without an answer: given again, he would get it twice. Only a bucket that keeps versions still shows it; one
 * that is ordered by its begin may lie under a delete that was meant for the version before.
 */
async function wasTaken(bucket: Bucket, to: ObjectKey, own: Own): Promise<boolean> {
  if (!bucket.keepsVersions || isOrderedByBegin(bucket, own.size)) return false;
  return (await findOwn(bucket, to, own))?.above?.marker === true;
}
