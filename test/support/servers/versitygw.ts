import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { cache, type RunningServer, startServer } from './start-server';

/** versitygw, S3 over a folder, in Go: `test/support/servers/install.sh versitygw` gets it. It checks what it is told: conditions, checksums, sizes. */
const folder = path.join(cache, 'versitygw');

export const hasVersitygw = (): boolean => existsSync(path.join(folder, 'version'));

/** Of the account that it is started with. */
export const versitygwKeys = { accessKeyId: 'causeway', secretAccessKey: 'causeway-secret' } as const;

export interface VersitygwOptions {
  /** PEM files, for https. */
  readonly tls?: { readonly cert: string; readonly key: string };
  /** Where its folders are made; they go with it. */
  readonly parent?: string;
}

export async function startVersitygw({ tls, parent = tmpdir() }: VersitygwOptions = {}): Promise<RunningServer> {
  const home = mkdtempSync(path.join(parent, 'versitygw-'));
  const folders = ['sidecar', 'versions', 'objects'].map((name) => path.join(home, name));
  for (const each of folders) mkdirSync(each);
  const [sidecar, versions, objects] = folders as [string, string, string];
  const remove = () => rmSync(home, { recursive: true, force: true });
  const keys = ['--access', versitygwKeys.accessKeyId, '--secret', versitygwKeys.secretAccessKey];
  try {
    const running = await startServer(
      path.join(folder, 'versitygw'),
      (port) => [
        ...['--port', `127.0.0.1:${port}`, '--quiet', '--keep-alive', ...keys],
        ...(tls ? ['--cert', tls.cert, '--key', tls.key] : []),
        ...['posix', '--sidecar', sidecar, '--versioning-dir', versions, objects],
      ],
      tls ? 'https' : 'http',
    );
    return { endpoint: running.endpoint, stop: () => running.stop().finally(remove) };
  } catch (error) {
    remove();
    throw error;
  }
}
