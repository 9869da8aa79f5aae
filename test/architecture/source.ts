import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

/** The files of the runtime as the architecture tests see them: text, without comments where only code counts, and import lines. */
export const runtime = path.join(__dirname, '..', '..', 'runtime');

export interface SourceFile {
  /** Below runtime/, with `/`. */
  readonly name: string;
  readonly text: string;
}

export function readSources(): SourceFile[] {
  return (readdirSync(runtime, { recursive: true }) as string[])
    .map((name) => name.split(path.sep).join('/'))
    .filter((name) => name.endsWith('.ts'))
    .sort()
    .map((name) => ({ name, text: readFileSync(path.join(runtime, name), 'utf8') }));
}

export interface Import {
  /** As written: `node:net`, `../model/user`. */
  readonly from: string;
  /** Below runtime/, for a relative one. */
  readonly target: string | undefined;
  /** Names that come in, empty for a whole module; `type` ones are gone at run time. */
  readonly values: readonly string[];
  readonly typeOnly: boolean;
}

const staticImport = /(?:^|\n)\s*(?:import|export)\s+(type\s+)?(?:([^;'"]*?)\s+from\s+)?['"]([^'"]+)['"]/g;
const dynamicImport = /\b(?:import|require)\s*\(\s*(?:['"]([^'"]+)['"]|[^)'"]*)/g;

export function importsOf({ name, text }: SourceFile): Import[] {
  const code = withoutComments(text);
  const found: Import[] = [];
  for (const [, typeOnly, clause = '', from = ''] of code.matchAll(staticImport)) {
    const names = /\{([^}]*)\}/.exec(clause)?.[1]?.split(',') ?? [];
    const values = typeOnly ? [] : names.map((each) => each.trim()).filter((each) => each !== '' && !each.startsWith('type '));
    const onlyTypes = typeOnly !== undefined || (names.length > 0 && values.length === 0);
    found.push({
      from,
      target: targetOf(name, from),
      values: values.map((each) => each.split(/\s+as\s+/)[0] as string),
      typeOnly: onlyTypes,
    });
  }
  for (const [, from = '(computed)'] of code.matchAll(dynamicImport)) {
    found.push({ from, target: targetOf(name, from), values: [], typeOnly: false });
  }
  return found;
}

function targetOf(name: string, from: string): string | undefined {
  return from.startsWith('.') ? path.posix.normalize(path.posix.join(path.posix.dirname(name), from)) : undefined;
}

/** Comments go, strings stay: what looks like a comment inside a string, such as `ftp://`, is text. */
export function withoutComments(text: string): string {
  return text.replace(
    /("(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`)|\/\*[\s\S]*?\*\/|(?<![\\/])\/\/[^\n]*/g,
    (_all, quoted) => quoted ?? '',
  );
}
