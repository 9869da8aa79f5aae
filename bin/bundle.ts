import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

/**
 * `npm run bundle`: the folder that the image holds, and nothing that it does not: compiled server, production dependencies, the two package files.
 * The image is built by this script too, so what is tested here is what runs there. It imports only Node's own modules: the image's build has little else.
 */
export interface Target {
  /** For another machine than this one: as npm names systems, processors and C libraries. */
  readonly os?: string;
  readonly cpu?: string;
  readonly libc?: string;
}

const root = join(__dirname, '..');

/** Throws when the folder holds anything but an earlier bundle: it is emptied first. */
export function bundle(folder: string, target: Target = {}): void {
  if (existsSync(folder) && readdirSync(folder).length > 0 && !existsSync(join(folder, 'dist', 'runtime'))) {
    throw new Error(`${folder} is not empty and no bundle: name another folder, or empty this one`);
  }
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  // Compiled afresh: what lies in dist/ may have files of sources that are gone.
  const info = join(folder, 'tsbuildinfo');
  run(
    join(root, 'node_modules', '.bin', 'tsc'),
    ['-p', 'runtime', '--outDir', join(folder, 'dist'), '--sourceMap', 'false', '--tsBuildInfoFile', info],
    root,
  );
  rmSync(info, { force: true });
  for (const name of ['package.json', 'package-lock.json']) copyFileSync(join(root, name), join(folder, name));
  const platform = Object.entries(target).flatMap(([name, value]) => (value ? [`--${name}=${value}`] : []));
  run(
    'npm',
    ['ci', '--omit=dev', '--ignore-scripts', '--prefer-offline', '--no-audit', '--no-fund', '--loglevel=error', ...platform],
    folder,
  );
}

function run(command: string, parameters: readonly string[], cwd: string): void {
  execFileSync(command, parameters, { cwd, stdio: ['ignore', 'inherit', 'inherit'] });
}

const usage = `npm run bundle -- [options]

  --out FOLDER   where it is made (dist/bundle)
  --os NAME      for another machine than this one, as npm names them: linux, darwin
  --cpu NAME     x64, arm64
  --libc NAME    glibc, musl
`;

if (require.main === module) {
  try {
    const { values } = parseArgs({
      options: {
        os: { type: 'string' },
        cpu: { type: 'string' },
        libc: { type: 'string' },
        out: { type: 'string' },
        help: { type: 'boolean' },
      },
    });
    const { out = join(root, 'dist', 'bundle'), help = false, ...target } = values;
    if (!help) bundle(out, target);
    console.log(help ? usage : `The bundle is in ${out}`);
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${usage}`);
    process.exitCode = 1;
  }
}
