import { importsOf, type SourceFile, withoutComments } from './source';

/** Who may import whom, as data, and the check of one file against it. */

interface Rule {
  /** Folders below runtime/, or files of its top. A folder may always import itself. */
  readonly folders: readonly string[] | 'everything';
  /** Modules of Node and of vendors. Names behind `#`: only these; `#type`: only types. */
  readonly modules: readonly string[] | 'node';
}

const everything: Rule = { folders: 'everything', modules: 'node' };

export const rules: Readonly<Record<string, Rule>> = {
  // Arithmetic, by a library.
  model: { folders: [], modules: ['@node-rs/crc32#crc32,crc32c'] },
  protocol: { folders: ['model'], modules: [] },
  ports: { folders: ['model'], modules: ['node:net#type'] },
  config: { folders: [], modules: [] },
  filesystem: { folders: ['ports', 'model'], modules: ['node:crypto#createHmac,randomBytes'] },
  // A block list and a look at an address are arithmetic; no socket comes with them.
  session: { folders: ['protocol', 'filesystem', 'ports', 'model'], modules: ['node:net#BlockList,isIP,isIPv4,isIPv6'] },
  operator: {
    folders: ['filesystem', 'ports', 'model'],
    modules: ['node:net#BlockList,isIP,isIPv4,isIPv6', 'node:readline', 'node:stream', 'node:fs/promises', 'node:path'],
  },
  server: {
    folders: ['session', 'protocol', 'ports', 'model'],
    modules: ['node:net', 'node:tls', 'node:events', 'node:stream', 'node:os', 'node:crypto'],
  },
  routing: { folders: ['ports', 'model'], modules: ['node:net', 'node:crypto#createHash,timingSafeEqual'] },
  adapters: {
    folders: ['ports', 'model'],
    modules: ['node:fs', 'node:fs/promises', 'node:path', 'node:crypto', 'node:os', 'node:util'],
  },
  admin: { folders: ['operator', 'filesystem', 'protocol', 'ports', 'model'], modules: ['node:http', 'node:net'] },
  'cli.ts': {
    folders: [
      'config',
      'operator',
      'compose.ts',
      'describe-connection.ts',
      'inspect.ts',
      'main.ts',
      'open-stack.ts',
      'cli-stores.ts',
      'cli-sessions.ts',
    ],
    modules: ['node:fs', 'node:path', 'commander'],
  },
  'cli-stores.ts': { folders: ['config', 'operator', 'compose.ts', 'inspect.ts'], modules: ['node:path', 'commander'] },
  'cli-sessions.ts': { folders: ['config', 'operator', 'compose.ts', 'cli-stores.ts'], modules: ['commander'] },
  'compose.ts': everything,
  'index-sync.ts': everything,
  'inspect.ts': everything,
  'describe-connection.ts': everything,
  'open-certificates.ts': everything,
  'open-index-sync.ts': everything,
  'open-routing.ts': everything,
  'open-stack.ts': everything,
  'open-stores.ts': everything,
  'open-server.ts': everything,
  'open-workers.ts': everything,
  'main.ts': everything,
};

/** One adapter, one library: what only it may load, beside what all adapters may. */
export const vendors: Readonly<Record<string, readonly string[]>> = {
  'argon2-password-hasher': ['@node-rs/argon2'],
  'bucket-events': ['@aws-sdk/client-sqs'],
  dynamodb: ['@aws-sdk/client-dynamodb', '@aws-sdk/util-dynamodb'],
  s3: ['@aws-sdk/client-s3', '@smithy/node-http-handler', 'node:http', 'node:https', 'node:stream', 'node:timers/promises'],
  ecs: ['node:http'],
  certificates: [
    'selfsigned',
    'node:net#isIP',
    'node:tls#connect,createSecureContext',
    '@aws-sdk/client-acm',
    '@aws-sdk/client-secrets-manager',
  ],
  lmdb: ['lmdb'],
  'pino-log': ['pino'],
  'event-loop-delay': ['node:perf_hooks'],
  'stack-outputs': ['@aws-sdk/client-cloudformation'],
  'process-identity': ['node:child_process'],
};

export function importFaults(file: SourceFile): string[] {
  const [top = '', inner = ''] = file.name.split('/');
  const rule = rules[top];
  if (!rule) return [`${file.name}: ${top} has no row in the table of who may import whom`];
  const adapter = top === 'adapters' ? inner.replace(/\.ts$/, '') : undefined;
  const modules = rule.modules === 'node' ? rule.modules : [...rule.modules, ...((adapter && vendors[adapter]) || [])];
  return importsOf(file).flatMap(({ from, target, values, typeOnly }) => {
    if (target !== undefined) return mayImport(rule, top, adapter, target) ? [] : [`${file.name} imports ${target}`];
    return mayLoad(modules, from, values, typeOnly) ? [] : [`${file.name} loads ${[from, ...values].join(' ')}`];
  });
}

function mayImport(rule: Rule, top: string, adapter: string | undefined, target: string): boolean {
  const [folder = '', inner = ''] = target.includes('/') ? target.split('/') : [`${target}.ts`];
  if (target.startsWith('..')) return false;
  if (adapter !== undefined && folder === 'adapters') return inner === adapter;
  return rule.folders === 'everything' || folder === top || rule.folders.includes(folder);
}

function mayLoad(modules: readonly string[] | 'node', from: string, values: readonly string[], typeOnly: boolean): boolean {
  if (modules === 'node') return from.startsWith('node:');
  return modules.some((allowed) => {
    const [module, names] = allowed.split('#');
    if (module !== from) return false;
    if (names === undefined) return true;
    if (typeOnly) return true;
    return values.length > 0 && values.every((value) => names.split(',').includes(value));
  });
}

const longestFile = 400;
const longWithoutReason = 250;
const forbiddenFolders = ['utils', 'helpers', 'common', 'misc', 'manager', 'managers', 'shared', 'types', 'lib'];

export function fileFaults({ name, text }: SourceFile): string[] {
  const faults: string[] = [];
  const segments = name.replace(/\.ts$/, '').split('/');
  for (const segment of segments) {
    if (forbiddenFolders.includes(segment)) faults.push(`${name}: ${segment} is a place for anything`);
    if (!/^[a-z0-9]+(-[a-z0-9]+)*$/.test(segment)) faults.push(`${name}: ${segment} is not in kebab-case`);
  }
  const lines = text.trimEnd().split('\n').length;
  if (lines > longestFile) faults.push(`${name} has ${lines} lines; more than ${longestFile} are two things`);
  else if (lines > longWithoutReason && !/\/\*\*/.test(text)) faults.push(`${name} has ${lines} lines and no comment that says why`);
  return faults;
}

/** Where the process may be looked at: its environment by the two programs only, the rest of it by what is wired to it. */
export function processFaults({ name, text }: SourceFile): string[] {
  const code = withoutComments(text);
  const faults: string[] = [];
  if (/\bprocess\s*(?:\.\s*env\b|\[\s*['"]env)/.test(code) && !['main.ts', 'cli.ts', 'index-sync.ts'].includes(name))
    faults.push(`${name} reads process.env`);
  const free =
    ['main.ts', 'cli.ts', 'cli-sessions.ts', 'cli-stores.ts', 'compose.ts', 'index-sync.ts', 'inspect.ts'].includes(name) ||
    name.startsWith('adapters/');
  if (/(?<![.\w'"`-])process\s*[.[]/.test(code) && !free) faults.push(`${name} uses process`);
  return faults;
}

/**
 * A number of three digits where a reply is made or looked at. Classes of replies (`code >= 400`) are no numbers of replies; sizes and times are written
 * with other words around them.
 */
const replyNumber = /\breply\s*\(\s*[1-6][0-5]\d\b|\bcode\s*(?:===?|!==?|:|=)\s*[1-6][0-5]\d\b|(['"`])[1-6][0-5]\d[ -](?=\S)/;
const repliesAreMadeIn = 'protocol/replies.ts';

export function replyFaults({ name, text }: SourceFile): string[] {
  if (name === repliesAreMadeIn) return [];
  const found = replyNumber.exec(withoutComments(text));
  return found ? [`${name} holds the number of a reply: ${found[0]}`] : [];
}

const ftpVerb = /['"`](?:STOR|RETR|APPE|STOU|RNFR|RNTO|DELE|MLSD|MLST|NLST|EPSV|PASV|MDTM|MFMT|REST|ABOR)\b/;

export function wordFaults({ name, text }: SourceFile): string[] {
  if (!/^(filesystem|ports|model|adapters|routing)\//.test(name)) return [];
  const found = ftpVerb.exec(withoutComments(text));
  return found ? [`${name} knows an FTP verb: ${found[0]}`] : [];
}

/** Ports are interfaces: what is left of them at run time is nothing. */
export function portFaults({ name, text }: SourceFile): string[] {
  if (!name.startsWith('ports/')) return [];
  const code = withoutComments(text);
  const found =
    /^(?:export\s+)?(?:default\s+)?(?:declare\s+)?(?:async\s+)?(?:const|let|var|function|class|enum|abstract|namespace)\b.*$/m.exec(code);
  return found ? [`${name} holds code: ${found[0]}`] : [];
}
