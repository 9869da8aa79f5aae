/** One line to verb and raw argument. What the argument means is the grammar of the verb's row (`arguments.ts`), never guessed here. */
export interface CommandLine {
  /** Upper case. */
  readonly verb: string;
  /**
   * Everything behind exactly one space: further spaces belong to it (RFC 2640 §3.1), trailing ones too, because passwords and names may end in one.
   * Undefined when nothing, not even a space, followed.
   */
  readonly argument: Buffer | undefined;
}

const longestVerb = 16;
const SPACE = 32;

/** Undefined: not a command at all. Digits, because some verbs of checksum drafts have them (MD5, XSHA256): those are known, and refused as such. */
export function parseCommandLine(line: Buffer): CommandLine | undefined {
  const space = line.indexOf(SPACE);
  const verb = line.toString('latin1', 0, space < 0 ? line.length : space);
  if (verb.length < 3 || verb.length > longestVerb || !/^[A-Za-z][A-Za-z0-9]+$/.test(verb)) return undefined;
  return { verb: verb.toUpperCase(), argument: space < 0 ? undefined : line.subarray(space + 1) };
}
