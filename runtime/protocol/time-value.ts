/** Times as FTP writes them, always UTC. */

/** The years that four digits hold. A file system can hold others, and a time that cannot be written must not end a whole listing. */
const earliest = -62_135_596_800_000;
const latest = 253_402_300_799_999;

function writable(milliseconds: number): Date {
  return new Date(Math.min(Math.max(milliseconds, earliest), latest));
}

/** `YYYYMMDDHHMMSS` (RFC 3659 §2.3). Without fraction: old parsers stumble over it. */
export function formatTimeValue(milliseconds: number): string {
  return writable(milliseconds).toISOString().replace(/[-:T]/g, '').slice(0, 14);
}

/** `YYYYMMDDHHMMSS[.sss]`; undefined for what is no time of the calendar. */
export function parseTimeValue(text: string): number | undefined {
  const match = /^(\d{4})(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})(?:\.(\d{1,9}))?$/.exec(text);
  if (!match) return undefined;
  const [, year, month, day, hour, minute, second, fraction] = match;
  const milliseconds = fraction ? Number(fraction.padEnd(3, '0').slice(0, 3)) : 0;
  return calendarTime(Number(year), Number(month), Number(day), Number(hour), Number(minute), Number(second), milliseconds);
}

/** `YYYYMMDDhhmm[ss]` of SITE UTIME. */
export function parseShortTime(text: string): number | undefined {
  if (!/^\d{12}(\d{2})?$/.test(text)) return undefined;
  return parseTimeValue(text.padEnd(14, '0'));
}

function calendarTime(
  year: number,
  month: number,
  day: number,
  hour: number,
  minute: number,
  second: number,
  ms: number,
): number | undefined {
  // A leap second is real, and JavaScript has none: it counts as the second before.
  const time = Date.UTC(year, month - 1, day, hour, minute, Math.min(second, 59), ms);
  const date = new Date(time);
  date.setUTCFullYear(year, month - 1, day);
  const same = date.getUTCFullYear() === year && date.getUTCMonth() === month - 1 && date.getUTCDate() === day;
  const inDay = hour <= 23 && minute <= 59 && second <= 60;
  return same && inDay && year >= 1 ? date.getTime() : undefined;
}

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const halfYear = 180 * 86_400_000;

/**
 * The time column of `ls -l`: `Nov 22 21:57` for the last 180 days, `Feb  3  2025` for what is older or in the future. Clients that see a clock time take
 * the current year, or the last one.
 */
export function formatListTime(milliseconds: number, now: number): string {
  const date = writable(milliseconds);
  const day = `${months[date.getUTCMonth()]} ${String(date.getUTCDate()).padStart(2)}`;
  const age = now - milliseconds;
  if (age < 0 || age >= halfYear) return `${day}  ${String(date.getUTCFullYear()).padStart(4, '0')}`;
  return `${day} ${date.toISOString().slice(11, 16)}`;
}
