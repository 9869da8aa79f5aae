import { MetricsLog } from '../../runtime/adapters/metrics-log';
import { ProcessMetrics } from '../../runtime/adapters/process-metrics';
import type { EventName, Log, LogFields } from '../../runtime/ports/log';
import { FakeClock } from '../support/fake-clock';

function start() {
  const clock = new FakeClock();
  const metrics = new ProcessMetrics();
  const lines: unknown[] = [];
  const note = (event: EventName, fields?: LogFields) => void lines.push([event, fields?.['metrics']]);
  const log: Log = { debug: note, info: note, warn: note, error: note, with: () => log };
  const buffers = { used: 0 };
  const read = () => ({ 'buffers.used-percent': buffers.used, ...metrics.snapshot() });
  const report = new MetricsLog({ read, clock, log });
  report.start();
  return { clock, metrics, lines, report, buffers };
}

it('a server where nothing happens says nothing, not even at its end', async () => {
  const { clock, lines, report } = start();
  await clock.advance(10 * 60_000);
  report.stop();
  expect(lines).toEqual([]);
});

it('what happened is told once a minute, as totals, with the gauges of that moment', async () => {
  const { clock, metrics, lines, buffers } = start();
  metrics.count('logins.ok', 2);
  buffers.used = 1_024;
  await clock.advance(59_999);
  expect(lines).toEqual([]);
  await clock.advance(1);
  expect(lines.splice(0)).toEqual([['server.metrics', { 'buffers.used-percent': 1_024, 'logins.ok': 2 }]]);
  await clock.advance(60_000);
  expect(lines).toEqual([]);
  metrics.count('logins.ok');
  buffers.used = 0;
  await clock.advance(60_000);
  expect(lines).toEqual([['server.metrics', { 'buffers.used-percent': 0, 'logins.ok': 3 }]]);
});

it('the end tells what came since the last line, once, and nothing comes after it', async () => {
  const { clock, metrics, lines, report } = start();
  metrics.count('logins.failed');
  report.stop();
  report.stop();
  metrics.count('logins.failed');
  await clock.advance(120_000);
  expect(lines).toEqual([['server.metrics', { 'buffers.used-percent': 0, 'logins.failed': 1 }]]);
  expect(clock.pending).toBe(0);
});
