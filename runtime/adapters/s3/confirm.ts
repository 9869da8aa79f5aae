import { type DeleteMarkerEntry, ListObjectVersionsCommand, type ObjectVersion } from '@aws-sdk/client-s3';
import type { ObjectKey } from '../../model/entry';
import type { Completed } from '../../ports/object-store';
import { untilAnswered } from './attempts';
import { type Bucket, fullKey } from './bucket';
import { foundOf, head, isOwn, lookForOwn, type Own } from './look';
import type { Answered } from './send-complete';

/**
 * Whether a multipart upload that was completed is what readers of the key get. A good answer does not say so: a store may order it by its begin, and then
 * whatever others put or deleted since lies above it. `hidden` is our version below a delete that was meant for the version before.
 */
export type Confirmed = Completed | { readonly hidden: string };

export async function confirm(bucket: Bucket, storedKey: ObjectKey, own: Own, answered: Answered | undefined): Promise<Confirmed> {
  const seen = await lookForOwn(bucket, storedKey, own);
  if ('own' in seen) return { version: seen.own };
  const byBegin = bucket.profile.order === 'begin';
  if (bucket.keepsVersions) {
    const found = await findOwn(bucket, storedKey, own);
    if (!found) return answered ? 'taken' : { overtaken: seen.other };
    if (found.above === undefined || !found.above.marker) return { overtaken: seen.other };
    if (!byBegin) return 'taken';
    // Dates are whole seconds. Within the same one it may be either; given again, at worst, is better than lost.
    const older = answered === undefined || Math.floor(found.above.modified / 1_000) <= Math.floor(answered.at / 1_000);
    return older ? { hidden: found.versionId } : 'taken';
  }
  if (seen.other) return { overtaken: seen.other };
  return byBegin || !answered ? { overtaken: undefined } : 'taken';
}

interface Layer {
  readonly versionId: string;
  readonly marker: boolean;
  readonly modified: number;
}

/** Layers of a key that are looked at from the top; our own lies under what came since a moment ago. */
const mostLayers = 50;

/** The topmost version of ours, and what lies directly above it: that decides, whatever came later. */
export async function findOwn(
  bucket: Bucket,
  storedKey: ObjectKey,
  own: Own,
): Promise<{ readonly versionId: string; readonly above: Layer | undefined } | undefined> {
  let above: Layer | undefined;
  for (const layer of (await layersOf(bucket, storedKey)).slice(0, mostLayers)) {
    const version = layer.marker ? undefined : await head(bucket, storedKey, layer.versionId);
    if (version && isOwn(foundOf(version), own)) return { versionId: layer.versionId, above };
    above = layer;
  }
  return undefined;
}

/**
 * Versions and delete markers of one key, the latest first. They come in two lists, each in order; how they lie between each other their dates say, and of
 * two within one moment the delete is the later one: for nothing else would ours be hidden.
 */
async function layersOf(bucket: Bucket, storedKey: ObjectKey): Promise<Layer[]> {
  const key = fullKey(bucket, storedKey);
  // More versions than are looked at; a longer key is sorted behind this one.
  const page = await untilAnswered(bucket, () =>
    bucket.send(new ListObjectVersionsCommand({ Bucket: bucket.name, Prefix: key, MaxKeys: 200 })),
  );
  const layers = (found: readonly (ObjectVersion | DeleteMarkerEntry)[] | undefined, marker: boolean) =>
    (found ?? [])
      .filter((one) => one.Key === key)
      .map((one) => ({
        versionId: one.VersionId ?? '',
        marker,
        modified: one.LastModified?.getTime() ?? 0,
        latest: one.IsLatest === true,
      }));
  const versions = layers(page.Versions, false);
  const markers = layers(page.DeleteMarkers, true);
  const merged: Layer[] = [];
  while (versions.length > 0 || markers.length > 0) {
    const [version, marker] = [versions[0], markers[0]];
    const markerFirst = marker && (!version || marker.latest || (!version.latest && marker.modified >= version.modified));
    merged.push((markerFirst ? markers : versions).shift() as Layer);
  }
  return merged;
}
