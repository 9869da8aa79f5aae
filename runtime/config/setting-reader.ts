import { type Variable, type VariableName, variables } from './variables';

/** One setting from its text: its kind and range are read from the table, and what does not fit becomes a fault that says what would. */
const mostPorts = 5_000;

export class Reader {
  constructor(
    private readonly environment: Readonly<Record<string, string | undefined>>,
    private readonly faults: string[],
  ) {}

  text(name: VariableName): string {
    return this.environment[name]?.trim() || variables[name].default;
  }

  choice(name: VariableName): string {
    const value = this.text(name);
    const { choices = [] } = variables[name] as Variable;
    if (!choices.includes(value)) this.fault(name, value, `one of ${choices.join(', ')}`);
    return value;
  }

  number(name: VariableName): number {
    const variable = variables[name] as Variable;
    const value = this.text(name);
    const [least, most] = variable.range ?? [0, 65_535];
    const number = /^\d{1,15}$/.test(value) ? Number(value) : Number.NaN;
    if (!(number >= least && number <= most)) this.fault(name, value, `a whole number from ${least} to ${most}`);
    return number;
  }

  optionalNumber(name: VariableName): number | undefined {
    return this.text(name) === '' ? undefined : this.number(name);
  }

  seconds(name: VariableName): number {
    return this.number(name) * 1000;
  }

  bytes(name: VariableName): number | undefined {
    const value = this.text(name);
    if (value === '') return undefined;
    const match = /^(\d{1,15})\s*(KiB|MiB|GiB|TiB)?$/i.exec(value);
    const power = ['', 'kib', 'mib', 'gib', 'tib'].indexOf(match?.[2]?.toLowerCase() ?? '');
    const bytes = match ? Number(match[1]) * 1024 ** power : Number.NaN;
    const [least, most] = (variables[name] as Variable).range ?? [0, Number.MAX_SAFE_INTEGER];
    if (bytes >= least && bytes <= most) return bytes;
    this.fault(name, value, `a size from ${least} to ${most} bytes, such as 64MiB`);
    // Compares with nothing.
    return Number.NaN;
  }

  ports(name: VariableName): readonly number[] {
    const value = this.text(name);
    const free = /^free:(\d{1,4})$/.exec(value);
    if (free && Number(free[1]) >= 1 && Number(free[1]) <= mostPorts) return Array.from({ length: Number(free[1]) }, () => 0);
    const match = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(value);
    const first = Number(match?.[1]);
    const last = Number(match?.[2] ?? match?.[1]);
    if (!match || first < 1 || last > 65_535 || last < first || last - first >= mostPorts) {
      this.fault(name, value, `first-last, such as 8192-8239, or free:8 for eight free ones, at most ${mostPorts} ports`);
      return [];
    }
    return Array.from({ length: last - first + 1 }, (_, index) => first + index);
  }

  url(name: VariableName): string | undefined {
    const value = this.text(name);
    if (value === '') return undefined;
    const parsed = URL.canParse(value) ? new URL(value) : undefined;
    if (parsed?.protocol !== 'http:' && parsed?.protocol !== 'https:') this.fault(name, value, 'an address such as http://127.0.0.1:7070');
    return value;
  }

  /** Without a port: one that is written all the same would be taken for a part of it. */
  host(name: VariableName): string | undefined {
    const value = this.text(name);
    if (value !== '' && !/^(?:[a-z0-9.-]+|[0-9a-f]*:[0-9a-f]*:[0-9a-f:.]*)$/i.test(value))
      this.fault(name, value, 'an address or a name, such as 10.0.0.7, without a port');
    return value || undefined;
  }

  addresses(name: VariableName): string | ReadonlyMap<string, string> | undefined {
    const value = this.text(name);
    if (value === '') return undefined;
    const wanted = 'an IPv4 address, such as 203.0.113.5, or one for each zone: eu-west-1a=203.0.113.5,eu-west-1b=203.0.113.6';
    if (!value.includes('=')) {
      if (!isIPv4(value)) this.fault(name, value, wanted);
      return value;
    }
    const pairs = value.split(',').map((pair) => pair.split('=').map((part) => part.trim()));
    if (pairs.some(([zone, address, more]) => !zone || !isIPv4(address ?? '') || more !== undefined)) this.fault(name, value, wanted);
    else if (new Set(pairs.map(([zone]) => zone)).size < pairs.length) this.fault(name, value, `${wanted}, no zone twice`);
    return new Map(pairs as [string, string][]);
  }

  private fault(name: string, value: string, wanted: string): void {
    this.faults.push(`${name} is ${JSON.stringify(value)}, but must be ${wanted}`);
  }
}

/** One that somebody can dial: 0.0.0.0 is an address to listen on. */
function isIPv4(text: string): boolean {
  const octets = text.split('.');
  return octets.length === 4 && octets.every((octet) => /^\d{1,3}$/.test(octet) && Number(octet) <= 255) && Number(octets[0]) > 0;
}

export function unknown(name: string): string {
  const near = Object.keys(variables)
    .map((known) => ({ known, far: distance(known, name) }))
    .filter(({ far }) => far <= 3)
    .sort((left, right) => left.far - right.far)[0]?.known;
  return `${name} is not a setting${near ? `: did you mean ${near}?` : ' (causeway settings lists them)'}`;
}

/** Edit distance, for names of a few dozen letters. */
function distance(left: string, right: string): number {
  let row = Array.from({ length: right.length + 1 }, (_, index) => index);
  for (let i = 1; i <= left.length; i++) {
    const next = [i];
    for (let j = 1; j <= right.length; j++) {
      const same = left[i - 1] === right[j - 1] ? 0 : 1;
      next.push(Math.min((next[j - 1] as number) + 1, (row[j] as number) + 1, (row[j - 1] as number) + same));
    }
    row = next;
  }
  return row[right.length] as number;
}
