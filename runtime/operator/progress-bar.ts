/**
 * One line that tells how far a long command is, rewritten in place on a terminal and silent elsewhere: a log file or a pipe gets the result alone.
 */
export interface ProgressBar {
  /** Counts one thing done, of so many bytes, and shows what was last. Draws at most ten times a second. */
  advance(bytes: number, what: string): void;
  /** Takes the line away, for what is printed next. */
  clear(): void;
}

export interface ProgressOutput {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

const betweenDraws = 100;

/** @param now milliseconds, monotonic. */
export function progressBar(output: ProgressOutput, unit: string, now: () => number, total?: number): ProgressBar {
  if (!output.isTTY) return { advance: () => undefined, clear: () => undefined };
  const started = now();
  let done = 0;
  let bytes = 0;
  let drawn = Number.NEGATIVE_INFINITY;
  const draw = (what: string) => {
    const seconds = Math.max((now() - started) / 1000, 0.001);
    const share = total === undefined ? '' : ` of ${total}`;
    const line = `${bar(done, total)}${done}${share} ${unit}, ${megabytes(bytes)} MB, ${megabytes(bytes / seconds)} MB/s  ${what}`;
    const width = Math.max(20, (output.columns ?? 80) - 1);
    output.write(`\r${line.slice(0, width)}\u001B[K`);
  };
  return {
    advance(size, what) {
      done++;
      bytes += size;
      if (now() - drawn < betweenDraws && done !== total) return;
      drawn = now();
      // A name may hold anything; a control character must not reach the terminal.
      draw(what.replace(/\p{Cc}/gu, '?'));
    },
    clear: () => void output.write('\r\u001B[K'),
  };
}

const barWidth = 20;

function bar(done: number, total: number | undefined): string {
  if (total === undefined || total === 0) return '';
  const filled = Math.min(barWidth, Math.round((done / total) * barWidth));
  return `[${'#'.repeat(filled)}${'.'.repeat(barWidth - filled)}] `;
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(1);
}
