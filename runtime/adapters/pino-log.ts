import { inspect } from 'node:util';
import { type BaseLogger, pino } from 'pino';
import type { EventName, Log, LogFields } from '../ports/log';

/** One JSON line an event, to standard error. Fields whose name says that they hold a secret are masked, whoever passes them. */
const secretField = /password|secret|token|private|credential/i;

export function pinoLog(level: string, write: (line: string) => void): Log {
  const logger = pino(
    {
      level,
      base: null,
      messageKey: 'text',
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
    },
    { write },
  );
  return wrap(logger, {});
}

function wrap(logger: BaseLogger & { isLevelEnabled(level: string): boolean }, own: LogFields): Log {
  const at =
    (level: 'debug' | 'info' | 'warn' | 'error') =>
    (event: EventName, fields: LogFields = {}) => {
      if (logger.isLevelEnabled(level)) logger[level]({ event, ...clean({ ...own, ...fields }) });
    };
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    with: (fields) => wrap(logger, { ...own, ...fields }),
  };
}

function clean(fields: LogFields): Record<string, unknown> {
  const cleaned: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(fields)) {
    if (value === undefined) continue;
    if (secretField.test(name)) cleaned[name] = '***';
    else if ((name === 'ms' || name === 'receiptMs') && typeof value === 'number') cleaned[name] = Math.round(value);
    else cleaned[name] = name === 'cause' ? describe(value) : value;
  }
  return cleaned;
}

/** An error with its chain of causes, innermost last. */
function describe(cause: unknown, depth = 0): unknown {
  // Anything can be thrown, also what JSON refuses: loops, big integers.
  if (!(cause instanceof Error)) return typeof cause === 'string' ? cause : inspect(cause, { depth: 2 });
  const { message, stack, name } = cause;
  const code = (cause as NodeJS.ErrnoException).code;
  return {
    name,
    message,
    code,
    stack: depth === 0 ? stack : undefined,
    cause: cause.cause && depth < 5 ? describe(cause.cause, depth + 1) : undefined,
  };
}
