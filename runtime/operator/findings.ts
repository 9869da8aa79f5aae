/** What a check of the installation has found. `problem`: a server with these settings does not start, or cannot keep its promises. */
export interface Finding {
  readonly level: 'good' | 'note' | 'problem';
  /** What was looked at: `bucket files`, `certificate`. */
  readonly subject: string;
  readonly text: string;
}

/** What keeps a store from being made keeps it from being used: once is enough. */
export function distinct(findings: readonly Finding[]): Finding[] {
  return [...new Map(findings.map((finding) => [`${finding.subject}: ${finding.text}`, finding])).values()];
}

const marks = { good: 'ok     ', note: 'note   ', problem: 'PROBLEM' } as const;

/** A line each; the problems last, where they are seen. */
export function findingsAsText(findings: readonly Finding[]): string {
  const order = ['good', 'note', 'problem'] as const;
  const sorted = order.flatMap((level) => findings.filter((finding) => finding.level === level));
  return sorted.map(({ level, subject, text }) => `${marks[level]}  ${subject}: ${text}\n`).join('');
}
