/**
 * What a setting may be: small checks that combine. Each gives the value back, or says what it wanted; the sentence around it, with the name and the bad
 * value, is made in one place. Separate from the settings so that the table of settings reads as a table.
 */
export type Verdict<T> = { readonly value: T } | { readonly wanted: string };
export type Check<T> = (value: unknown) => Verdict<T>;

export function oneOf<const T extends string>(...allowed: readonly T[]): Check<T> {
  return (value) => (allowed.includes(value as T) ? { value: value as T } : { wanted: `one of ${allowed.join(', ')}` });
}

export function oneOfNumbers<const T extends number>(...allowed: readonly T[]): Check<T> {
  return (value) => (allowed.includes(value as T) ? { value: value as T } : { wanted: `one of ${allowed.join(', ')}` });
}

export function wholeNumber(least: number, most: number): Check<number> {
  return (value) =>
    typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most
      ? { value }
      : { wanted: `a whole number from ${least} to ${most}` };
}

export const flag: Check<boolean> = (value) => (typeof value === 'boolean' ? { value } : { wanted: 'true or false' });

export function text(pattern: RegExp, wanted: string): Check<string> {
  return (value) => (typeof value === 'string' && pattern.test(value) ? { value } : { wanted });
}

export function optional<T>(check: Check<T>): Check<T | undefined> {
  return (value) => (value === undefined || value === null ? { value: undefined } : check(value));
}

/** A list of different things; the first that is wrong is named, because a list may be long. */
export function listOf<T>(check: Check<T>, least: number, most: number): Check<readonly T[]> {
  return (value) => {
    const wanted = `a list of ${least} to ${most}, each ${told(check)}`;
    if (!Array.isArray(value) || value.length < least || value.length > most) return { wanted };
    const values: T[] = [];
    const seen = new Set<string>();
    for (const one of value) {
      const verdict = check(one);
      if ('wanted' in verdict) return { wanted: `${wanted}; ${JSON.stringify(one)} is not` };
      const written = JSON.stringify(one);
      if (seen.has(written)) return { wanted: `${wanted}; ${written} is there twice` };
      seen.add(written);
      values.push(verdict.value);
    }
    return { value: values };
  };
}

/** An object with exactly these fields. */
export function record<T extends object>(fields: { readonly [K in keyof T]: Check<T[K]> }): Check<T> {
  const names = Object.keys(fields) as (keyof T & string)[];
  const wanted = `an object with ${names.map((name) => `${name}: ${told(fields[name])}`).join('; ')}`;
  return (value) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return { wanted };
    const other = Object.keys(value).find((name) => !names.includes(name as keyof T & string));
    if (other !== undefined) return { wanted: `${wanted}; ${other} is none of them` };
    const parsed: Partial<T> = {};
    for (const name of names) {
      const field = (value as Record<string, unknown>)[name];
      const verdict = fields[name](field);
      if ('wanted' in verdict)
        return { wanted: `an object in which ${name} is ${verdict.wanted}${field === undefined ? '; it is missing' : ''}` };
      parsed[name] = verdict.value;
    }
    return { value: parsed as T };
  };
}

export function either<A, B>(first: Check<A>, second: Check<B>): Check<A | B> {
  return (value) => {
    const one = first(value);
    if ('value' in one) return one;
    const two = second(value);
    return 'value' in two ? two : { wanted: `${one.wanted}, or ${two.wanted}` };
  };
}

/** IPv4 with a prefix, no bits behind it: the load balancer is IPv4 only, and AWS refuses a block with host bits. */
export function cidr(shortest: number, longest: number): Check<string> {
  const wanted = `an IPv4 block such as 203.0.113.0/24, prefix ${shortest} to ${longest}, no bits set behind the prefix`;
  return (value) => {
    const match = typeof value === 'string' ? /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})\/(\d{1,2})$/.exec(value) : null;
    if (!match) return { wanted };
    const [a = 0, b = 0, c = 0, d = 0, prefix = 0] = match.slice(1).map(Number);
    if ([a, b, c, d].some((octet) => octet > 255) || prefix < shortest || prefix > longest) return { wanted };
    const address = ((a << 24) | (b << 16) | (c << 8) | d) >>> 0;
    const behind = prefix === 32 ? 0 : 0xffff_ffff >>> prefix;
    return (address & behind) === 0 ? { value: value as string } : { wanted };
  };
}

/** A block of addresses that are nobody's in particular, for a network of one's own. */
export function privateCidr(shortest: number, longest: number): Check<string> {
  const check = cidr(shortest, longest);
  return (value) => {
    const verdict = check(value);
    if ('value' in verdict && /^(10|172\.(1[6-9]|2\d|3[01])|192\.168|100\.(6[4-9]|[7-9]\d|1[01]\d|12[0-7]))\./.test(verdict.value))
      return verdict;
    return { wanted: `${told(check)}, and private: within 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16 or 100.64.0.0/10` };
  };
}

/** As S3 takes them; what it refuses would fail every upload. */
export const tags: Check<string> = (value) => {
  const wanted = { wanted: 'at most 10 of key=value, joined by &, no key twice, none that begins with aws:' };
  if (typeof value !== 'string') return wanted;
  const pairs = value.split('&').map((pair) => /^([\w.:/+@ -]{1,128})=[\w.:/+@ -]{0,256}$/.exec(pair)?.[1]);
  if (pairs.length > 10 || new Set(pairs).size < pairs.length) return wanted;
  return pairs.every((key) => key !== undefined && !/^aws:/i.test(key)) ? { value } : wanted;
};

/** What a check wants, asked with a value that no check takes. */
function told(check: Check<unknown>): string {
  const verdict = check(Symbol.for('nothing'));
  return 'wanted' in verdict ? verdict.wanted : 'anything';
}
