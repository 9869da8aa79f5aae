import type { Version } from '../../model/entry';

/**
 * A version of an object: its ETag, and where the bucket keeps versions its id too. Two puts of the same bytes into a bucket without versions are one
 * version, which is what the conditions of the protocol can tell apart.
 */
export interface ObjectVersion {
  readonly etag: string;
  readonly versionId?: string;
}

/** ETags travel in quotes, except where a store forgets them. */
export function bareEtag(etag: string | undefined): string {
  return (etag ?? '').replace(/^W\//, '').replaceAll('"', '');
}

export function quoted(etag: string): string {
  return `"${etag}"`;
}

export function versionString({ etag, versionId }: ObjectVersion): Version {
  return versionId === undefined ? etag : `${etag} ${versionId}`;
}

export function versionOf(answer: { readonly ETag?: string; readonly VersionId?: string }): Version {
  const { ETag, VersionId: id } = answer;
  // `null` is what objects from before the versions are called, and it names whatever lies there now.
  const versionId = id === undefined || id === '' || id === 'null' ? undefined : id;
  return versionString({ etag: bareEtag(ETag), versionId });
}

export function parseVersion(version: Version): ObjectVersion {
  const space = version.indexOf(' ');
  return space < 0 ? { etag: version } : { etag: version.slice(0, space), versionId: version.slice(space + 1) };
}
