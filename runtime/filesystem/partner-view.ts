import type { Right } from '../model/user';
import type { VirtualPath } from '../model/virtual-path';
import type { ByteSource } from '../ports/byte-source';

/**
 * What one login sees: his home as `/`, his rights, his cut uploads as shadows over the entries, and the sizes this session was told. Parked uploads,
 * stored keys and claims never leave it. Every method throws a `Failure` when it cannot.
 */
export interface PartnerView {
  /** What the path shows. `purpose` `size`: the size is going to be told , so a silent upload is looked at and `told` is set. */
  stat(path: VirtualPath, purpose: 'exists' | 'size' | 'time'): Promise<Shown>;

  /** Rights at a path, for listings and perm facts. */
  may(path: VirtualPath, right: Right): boolean;

  /** Children in byte order, page by page; their sizes are told. Throws before the first page when the path is no directory or may not be listed. */
  list(path: VirtualPath): Promise<AsyncIterable<readonly Shown[]>>;

  /** The version that is there now, pinned for the whole transfer. */
  open(path: VirtualPath, offset: number): Promise<OpenFile>;

  /** Everything that can be refused is refused here, before the client is told to send. */
  prepareUpload(path: VirtualPath, how: UploadMode, announced?: number): Promise<PreparedUpload>;

  makeDirectory(path: VirtualPath): Promise<void>;
  removeDirectory(path: VirtualPath): Promise<void>;
  deleteFile(path: VirtualPath): Promise<void>;
  /** Checks that the path can be renamed and remembers its identity. */
  prepareRename(path: VirtualPath): Promise<RenameSource>;
  rename(source: RenameSource, target: VirtualPath): Promise<void>;
  /** Milliseconds since the epoch. */
  setModified(path: VirtualPath, modified: number): Promise<void>;
}

export interface Shown {
  readonly path: VirtualPath;
  readonly name: string;
  readonly kind: 'file' | 'directory';
  /** Bytes; 0 for a directory. */
  readonly size: number;
  /** Milliseconds since the epoch. */
  readonly modified: number;
  /** Same for the same object within the process, says nothing about it. */
  readonly unique: string;
  /** A cut upload of the partner's own that waits to be continued: its size is what is durable. */
  readonly parked: boolean;
}

export interface OpenFile {
  readonly size: number;
  /** The bytes from the offset to the end; stops when the signal aborts. */
  read(signal: AbortSignal): Promise<AsyncIterable<Buffer>>;
}

export type UploadMode =
  | { readonly kind: 'new' }
  /** Goes on at exactly this size. */
  | { readonly kind: 'at'; readonly offset: number }
  | { readonly kind: 'append' }
  /** The path is a directory plus a stem, or the stem is empty; the server chooses a free name. */
  | { readonly kind: 'unique' };

export interface PreparedUpload {
  /** Differs from what was asked for only with `unique`. */
  readonly path: VirtualPath;
  /** Bytes kept from before: the client sends what follows. */
  readonly offset: number;
  /**
   * Receives, settles, claims, completes; when it resolves the file is durable, whole and listed. `verdict` throws the `Failure` that forbids the
   * commit (control connection lost, announced size not met); it is asked at the end of the bytes and again before the claim. The signal's reason is the
   * `Failure` of a cut. When it rejects the file is not visible; a `Failure` of a cut has been given a sentence about what was kept.
   */
  receive(source: ByteSource, verdict: (received: number) => void, signal: AbortSignal): Promise<Received>;
  /** The commit has begun: an abort has no effect any more. */
  readonly committing: boolean;
  /** Gives everything back when `receive` is never called. */
  cancel(): Promise<void>;
}

export interface Received {
  /** Bytes of the whole file. */
  readonly size: number;
}

export interface RenameSource {
  readonly path: VirtualPath;
  readonly kind: 'file' | 'directory';
  readonly identity: string;
}
