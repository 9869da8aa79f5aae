import type { ObjectKey } from '../../model/entry';
import type { Completed } from '../../ports/object-store';
import type { Bucket } from './bucket';
import { wholeCrc32 } from './checksum';
import { confirm } from './confirm';
import { copyVersion } from './copy-version';
import { refusedChange, unavailable } from './errors';
import { head, type Own } from './look';
import type { Answered } from './send-complete';
import { bareEtag } from './versions';

/**
 * From a completed multipart upload to what readers see. When a consumer took the version before in the meantime, its delete lies above ours in a store that
 * orders by the begin: our version is then copied onto the key, under the same token.
 */
const mostRestores = 3;

export async function finishUpload(bucket: Bucket, storedKey: ObjectKey, own: Own, answered: Answered | undefined): Promise<Completed> {
  for (let restored = 0; restored <= mostRestores; restored++) {
    const confirmed = await confirm(bucket, storedKey, own, answered);
    if (typeof confirmed === 'string' || !('hidden' in confirmed)) return confirmed;
    const versionId = confirmed.hidden;
    const version = await head(bucket, storedKey, versionId);
    // Deleted by its id since.
    if (!version) return 'taken';
    const copied = copyVersion(bucket, {
      from: storedKey,
      source: { etag: bareEtag(version.ETag), versionId },
      size: version.ContentLength ?? 0,
      to: storedKey,
      metadata: version.Metadata ?? {},
      contentType: version.ContentType,
      crc32: wholeCrc32(version),
      condition: 'absent',
      // Begun and completed within this call; if it is cut, the lifecycle rule of the bucket removes it.
      onBegin: async () => undefined,
    });
    const outcome = await copied.catch((error: unknown) => {
      // What has been completed only goes forward: it is asked for again until the store lets it.
      throw refusedChange(error) ? unavailable(error) : error;
    });
    if (outcome !== 'refused' && 'version' in outcome) return outcome;
  }
  throw unavailable(new Error('the key is being changed by others all the time'));
}
