import type { SessionRow } from '../ports/lease-store';

/** The list of sessions as a table for people. */
const columns = ['SESSION', 'CLIENT', 'PARTNER', 'SINCE', 'TRANSFER'] as const;

/** @param now Milliseconds since the epoch. */
export function sessionsAsText(rows: readonly SessionRow[], now: number): string {
  if (rows.length === 0) return 'no sessions\n';
  const lines = [columns, ...rows.map((row) => cellsOf(row, now))];
  const widths = columns.map((_, column) => Math.max(...lines.map((cells) => cells[column]?.length ?? 0)));
  const lineOf = (cells: readonly string[]) => cells.map((cell, column) => cell.padEnd(widths[column] as number)).join('  ');
  return lines.map((cells) => `${lineOf(cells).trimEnd()}\n`).join('');
}

function cellsOf({ id, client, user, begun, transfer }: SessionRow, now: number): readonly string[] {
  const doing = transfer ? `${transfer.verb} ${transfer.path}, ${sizeOf(transfer.bytes)} in ${durationOf(now - transfer.begun)}` : '-';
  return [id, client, user ?? '-', durationOf(now - begun), doing];
}

/** Clocks of two machines may differ: nothing has begun in the future. */
function durationOf(milliseconds: number): string {
  const seconds = Math.max(0, Math.floor(milliseconds / 1_000));
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  return `${Math.floor(seconds / 3_600)} h ${Math.floor((seconds % 3_600) / 60)} min`;
}

const units = ['KiB', 'MiB', 'GiB', 'TiB'] as const;

function sizeOf(bytes: number): string {
  if (bytes < 1_024) return `${bytes} bytes`;
  const power = Math.min(units.length, Math.floor(Math.log(bytes) / Math.log(1_024)));
  return `${(bytes / 1_024 ** power).toFixed(1)} ${units[power - 1]}`;
}
