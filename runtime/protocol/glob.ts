/**
 * `*` and `?` in the last component of LIST and NLST, and nothing else: braces, classes and `**` are how listings of other servers were made to run for
 * ever (CVE-2011-0762, CVE-2011-0418). A general glob library would bring them all back, so the matcher is its own 15 lines: greedy with one place
 * to go back to, at most name times pattern steps.
 */
const longestPattern = 128;

export function isPattern(text: string): boolean {
  return /[*?]/.test(text);
}

/** Undefined when the pattern is too long. */
export function nameMatcher(pattern: string): ((name: string) => boolean) | undefined {
  if (pattern.length > longestPattern) return undefined;
  // By characters: a `?` stands for all of an emoji, not for half of it.
  const characters = [...pattern];
  return (name) => matches(characters, [...name]);
}

function matches(pattern: readonly string[], name: readonly string[]): boolean {
  let at = 0;
  let star = -1;
  let resume = 0;
  for (let index = 0; index < name.length; ) {
    if (at < pattern.length && pattern[at] === '*') {
      star = at++;
      resume = index;
    } else if (at < pattern.length && (pattern[at] === '?' || pattern[at] === name[index])) {
      at++;
      index++;
    } else if (star >= 0) {
      at = star + 1;
      index = ++resume;
    } else {
      return false;
    }
  }
  while (pattern[at] === '*') at++;
  return at === pattern.length;
}
