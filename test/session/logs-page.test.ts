import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

/** Names that operators search for are on the page that explains them: all that are written, and no other. */
const root = path.join(__dirname, '../..');
const read = (file: string) => readFileSync(path.join(root, file), 'utf8');
const page = read('docs/logs.md');
const sources = readdirSync(path.join(root, 'runtime'), { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts') && !file.startsWith('ports'))
  .map((file) => read(path.join('runtime', file)))
  .join('\n');
const namesIn = (file: string) => [...read(file).matchAll(/^ {2}\| '([a-z.-]+)'/gm)].map(([, name]) => name as string);
const names = [...namesIn('runtime/ports/log.ts'), ...namesIn('runtime/ports/metrics.ts')];

it.each(names)('docs/logs.md explains %s when it is written', (name) => {
  const row = new RegExp(`^\\|[^|]*\`${name.replaceAll('.', '\\.')}\``, 'm');
  expect(row.test(page)).toBe(sources.includes(`'${name}'`));
});

it('finds the names it looks for', () => {
  expect(names.length).toBeGreaterThan(40);
});
