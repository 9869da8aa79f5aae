import type { PartnerView, PreparedUpload, Shown, UploadMode } from '../../runtime/filesystem/partner-view';
import { Failure } from '../../runtime/model/failure';
import type { Right, User } from '../../runtime/model/user';
import { baseName, childPath, parentPath, type VirtualPath } from '../../runtime/model/virtual-path';
import type { ByteSource } from '../../runtime/ports/byte-source';

/**
 * What a partner sees, in a map. It asks for the same rights as the real one at the path itself, so that a session that forgets to ask leaves a trace here:
 * every call is noted. `fail` and `hold` make one method fail, or wait.
 */
export class FakeView implements PartnerView {
  readonly nodes = new Map<string, Node>([['/', { kind: 'directory', modified: 0 }]]);
  readonly calls: string[] = [];
  readonly uploads: FakeUpload[] = [];
  private readonly failures = new Map<string, unknown>();
  private readonly held = new Map<string, Promise<void>>();
  pageSize = 1_000;

  constructor(private readonly user: () => User) {}

  fail(method: string, reason: unknown): void {
    this.failures.set(method, reason);
  }

  failIfAsked(method: string): void {
    if (this.failures.has(method)) throw this.failures.get(method);
  }

  /** Calls of the method wait until the returned function is called. */
  hold(method: string): () => void {
    let release: () => void = () => undefined;
    this.held.set(
      method,
      new Promise((resolve) => {
        release = () => {
          this.held.delete(method);
          resolve();
        };
      }),
    );
    return release;
  }

  file(path: string, content = '', modified = Date.UTC(2025, 10, 22, 21, 57)): this {
    this.nodes.set(path, { kind: 'file', content, modified });
    return this;
  }

  directory(path: string): this {
    this.nodes.set(path, { kind: 'directory', modified: Date.UTC(2025, 10, 22, 21, 57) });
    return this;
  }

  content(path: string): string | undefined {
    const node = this.nodes.get(path);
    return node?.kind === 'file' ? node.content : undefined;
  }

  async enter(method: string, path: string): Promise<void> {
    this.calls.push(`${method} ${path}`);
    await this.held.get(method);
    this.failIfAsked(method);
  }

  private require(path: VirtualPath, ...anyOf: Right[]): void {
    if (!anyOf.some((right) => this.may(path, right)))
      throw new Failure('not-allowed', `Permission denied: may not ${anyOf.join(' or ')}.`);
  }

  private find(path: string): Node {
    const node = this.nodes.get(path);
    if (!node) throw new Failure('not-found', 'No such file or directory.');
    return node;
  }

  private show(path: VirtualPath, node: Node): Shown {
    const size = node.kind === 'file' ? Buffer.byteLength(node.content) : 0;
    return { path, name: baseName(path), kind: node.kind, size, modified: node.modified, unique: `u${path.length}`, parked: false };
  }

  may(_path: VirtualPath, right: Right): boolean {
    return this.user().rights.includes(right);
  }

  async stat(path: VirtualPath, purpose: 'exists' | 'size' | 'time'): Promise<Shown> {
    await this.enter('stat', `${path} ${purpose}`);
    if (purpose !== 'exists' && path !== '/') this.require(path, 'list', 'read');
    return this.show(path, this.find(path));
  }

  async list(path: VirtualPath): Promise<AsyncIterable<readonly Shown[]>> {
    await this.enter('list', path);
    this.require(path, 'list');
    if (this.find(path).kind === 'file') throw new Failure('not-a-directory', 'Not a directory.');
    const inside = [...this.nodes.keys()].filter((each) => each !== '/' && parentPath(each as VirtualPath) === path).sort();
    const shown = inside.map((each) => this.show(each as VirtualPath, this.find(each)));
    const { pageSize } = this;
    return (async function* () {
      for (let index = 0; index < shown.length; index += pageSize) yield shown.slice(index, index + pageSize);
    })();
  }

  async open(path: VirtualPath, offset: number) {
    await this.enter('open', `${path} ${offset}`);
    this.require(path, 'read');
    const node = this.find(path);
    if (node.kind === 'directory') throw new Failure('is-a-directory', 'Is a directory.');
    const content = Buffer.from(node.content);
    if (offset > content.length)
      throw new Failure('restart-not-possible', `The file has ${content.length} bytes: it cannot be read from ${offset}.`);
    return {
      size: content.length,
      read: async () => {
        await this.enter('read', path);
        return (async function* () {
          if (content.length > offset) yield content.subarray(offset);
        })();
      },
    };
  }

  async prepareUpload(path: VirtualPath, how: UploadMode, announced?: number): Promise<PreparedUpload> {
    const mode = how.kind === 'at' ? `at ${how.offset}` : how.kind;
    await this.enter('prepareUpload', `${path} ${mode} ${announced ?? '-'}`);
    this.require(path, 'write');
    const target = how.kind === 'unique' ? this.freeName(path) : path;
    const node = this.nodes.get(target);
    if (node?.kind === 'directory') throw new Failure('is-a-directory', 'Is a directory.');
    if (node && !this.may(path, 'overwrite')) throw new Failure('may-not-overwrite', 'File exists and this account may not overwrite.');
    const before = node?.content ?? '';
    if (how.kind === 'at' && how.offset !== Buffer.byteLength(before))
      throw new Failure('restart-not-possible', `The file is complete with ${Buffer.byteLength(before)} bytes.`);
    const upload = new FakeUpload(this, target, how.kind === 'append' || how.kind === 'at' ? before : '');
    this.uploads.push(upload);
    return upload;
  }

  private freeName(path: VirtualPath): VirtualPath {
    for (let number = 1; ; number++) {
      const candidate = number === 1 ? path : (`${path}.${number}` as VirtualPath);
      if (!this.nodes.has(candidate)) return candidate;
    }
  }

  async makeDirectory(path: VirtualPath): Promise<void> {
    await this.enter('makeDirectory', path);
    this.require(path, 'mkdir');
    if (this.nodes.has(path)) throw new Failure('exists', 'A file or directory of this name already exists.');
    this.find(parentPath(path));
    this.directory(path);
  }

  async removeDirectory(path: VirtualPath): Promise<void> {
    await this.enter('removeDirectory', path);
    this.require(path, 'delete');
    if (this.find(path).kind === 'file') throw new Failure('not-a-directory', 'Not a directory.');
    if ([...this.nodes.keys()].some((each) => each.startsWith(`${path}/`))) throw new Failure('not-empty', 'Directory not empty.');
    this.nodes.delete(path);
  }

  async deleteFile(path: VirtualPath): Promise<void> {
    await this.enter('deleteFile', path);
    this.require(path, 'delete');
    if (this.find(path).kind === 'directory') throw new Failure('is-a-directory', 'Is a directory.');
    this.nodes.delete(path);
  }

  async prepareRename(path: VirtualPath) {
    await this.enter('prepareRename', path);
    this.require(path, 'rename');
    return { path, kind: this.find(path).kind, identity: path };
  }

  async rename({ path }: { path: VirtualPath }, target: VirtualPath): Promise<void> {
    await this.enter('rename', `${path} ${target}`);
    this.require(path, 'rename');
    if (this.nodes.get(target) && !this.may(target, 'overwrite'))
      throw new Failure('may-not-overwrite', 'File exists and this account may not overwrite.');
    this.nodes.set(target, this.find(path));
    this.nodes.delete(path);
  }

  async setModified(path: VirtualPath, modified: number): Promise<void> {
    await this.enter('setModified', path);
    this.require(path, 'write');
    this.nodes.set(path, { ...this.find(path), modified });
  }
}

type Node = { kind: 'directory'; modified: number } | { kind: 'file'; content: string; modified: number };

export class FakeUpload implements PreparedUpload {
  committing = false;
  cancelled = false;

  constructor(
    private readonly view: FakeView,
    readonly path: VirtualPath,
    private readonly before: string,
  ) {}

  get offset(): number {
    return Buffer.byteLength(this.before);
  }

  async receive(source: ByteSource, verdict: (received: number) => void, signal: AbortSignal) {
    const pieces: Buffer[] = [];
    this.view.failIfAsked('receive');
    await source.deliver(
      (bytes) => pieces.push(bytes) > 0,
      () => Promise.resolve(),
    );
    signal.throwIfAborted();
    const content = this.before + Buffer.concat(pieces).toString();
    const size = Buffer.byteLength(content);
    verdict(size);
    await this.view.enter('claim', this.path);
    verdict(size);
    this.committing = true;
    const cut = signal.aborted;
    await this.view.enter('complete', this.path);
    // Once the commit has begun nobody may abort it any more; what was cut before, the verdict must have refused.
    if (!cut) signal.throwIfAborted();
    this.view.file(this.path, content);
    return { size };
  }

  async cancel(): Promise<void> {
    this.cancelled = true;
  }
}

/** `n` files in a directory. */
export function fill(view: FakeView, directory: string, n: number): void {
  view.directory(directory);
  for (let index = 0; index < n; index++) view.file(childPath(directory as VirtualPath, `f${String(index).padStart(5, '0')}`), 'x');
}
