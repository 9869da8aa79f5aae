import { commandTable, featureLines } from './command-table';

/** The command table as a page for `docs/protocol.md`: what a reader of the table sees, without reading code. */
export function protocolPage(): string {
  const rows = [...commandTable]
    .sort(([left], [right]) => (left < right ? -1 : 1))
    .map(([verb, row]) => {
      const { help, phase, control, data, needs, duringTransfer } = row;
      const rights = typeof needs === 'string' ? needs : needs.join(' or ');
      // A bar ends a cell, also inside code.
      const served = help === 'none' ? 'answered, not served' : `\`${help.replaceAll('|', '\\|')}\``;
      return `| ${verb} | ${served} | ${control === 'clear' ? 'also in clear' : 'TLS'} | ${phase} | ${data} | ${rights} | ${duringTransfer} |`;
    });
  return `# Protocol

Made from the command table. FTP as in RFC 959, 1123, 2228, 2389, 2428, 2640, 3659 and 4217.

| Verb | Syntax | Protection | Phase | Data connection | Right | During a transfer |
|---|---|---|---|---|---|---|
${rows.join('\n')}

## FEAT

\`\`\`
211-Features:
${featureLines(['type', 'size', 'modify', 'perm', 'unique'])
  .map((line) => ` ${line}`)
  .join('\n')}
211 End
\`\`\`

## Where standards leave a choice, or contradict each other

| Topic | Here |
|---|---|
| Data protection too low | 521, before any 150 (RFC 4217 §10.2) |
| \`CDC\` | another name for \`PROT C\` |
| \`AUTH SSL\`, \`TLS-P\` | begin with protected data, \`AUTH TLS\` and \`TLS-C\` with clear |
| Active mode | 502: the server never dials out |
| \`STOU\` | the preliminary reply reads \`FILE: name\` (RFC 1123 §4.1.2.9) |
| \`APPE\`, \`REST\` + \`STOR\` | continue a cut upload, or a complete file, only from exactly the size that was told: else 554 |
| TYPE A | bytes as sent; \`SIZE\` is exact in both types |
| Times and listings | UTC |
| \`ABOR\` once the commit has begun | the file is stored: 226 and 226 |
`;
}
