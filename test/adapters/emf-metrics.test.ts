import { metricNames, dimension as shownDimension, namespace as shownNamespace } from '../../lib/metrics';
import { dimension, EmfMetrics, namespace, units } from '../../runtime/adapters/emf-metrics';
import { mostSamples, ProcessMetrics } from '../../runtime/adapters/process-metrics';
import { FakeClock } from '../support/fake-clock';

interface Line {
  readonly _aws: {
    readonly Timestamp: number;
    readonly CloudWatchMetrics: [{ Namespace: string; Dimensions: string[][]; Metrics: { Name: string; Unit: string }[] }];
  };
  readonly [name: string]: unknown;
}

function start() {
  const clock = new FakeClock();
  const metrics = new ProcessMetrics();
  const lines: Line[] = [];
  const report = new EmfMetrics({
    read: () => ({ totals: metrics.totals(), levels: { 'buffers.used-percent': 12, ...metrics.levels() }, samples: metrics.takeSamples() }),
    write: (line) => {
      expect(line.endsWith('}\n')).toBe(true);
      lines.push(JSON.parse(line) as Line);
    },
    table: 'files',
    clock,
  });
  report.start();
  return { clock, metrics, lines, report };
}

describe('the names', () => {
  it('are those of dashboard and alarms, no more and no fewer', () => {
    expect(Object.keys(units).sort()).toEqual([...metricNames].sort());
  });

  it('are sent where dashboard and alarms look for them', () => {
    expect([namespace, dimension]).toEqual([shownNamespace, shownDimension]);
  });

  it('fit into one line of the format', () => {
    expect(Object.keys(units).length).toBeLessThanOrEqual(100);
  });
});

describe('a line', () => {
  it('comes once a minute, with what the format wants', async () => {
    const { clock, metrics, lines } = start();
    metrics.gauge('sessions.open', 3);
    metrics.count('bytes.in', 5_000);
    await clock.advance(59_999);
    expect(lines).toEqual([]);
    await clock.advance(1);
    expect(lines).toEqual([
      {
        _aws: {
          Timestamp: clock.now(),
          CloudWatchMetrics: [
            {
              Namespace: 'Causeway',
              Dimensions: [['Table']],
              Metrics: [
                { Name: 'buffers.used-percent', Unit: 'Percent' },
                { Name: 'sessions.open', Unit: 'Count' },
                { Name: 'bytes.in', Unit: 'Bytes' },
              ],
            },
          ],
        },
        Table: 'files',
        'buffers.used-percent': 12,
        'sessions.open': 3,
        'bytes.in': 5_000,
      },
    ]);
  });

  it('comes also when nothing happens: an alarm must see the difference between nothing and nobody', async () => {
    const { clock, lines } = start();
    await clock.advance(180_000);
    expect(lines).toHaveLength(3);
  });

  it('has of a counter what came since the line before, and of a gauge what is', async () => {
    const { clock, metrics, lines } = start();
    metrics.count('logins.ok', 2);
    metrics.gauge('sessions.open', 2);
    await clock.advance(60_000);
    metrics.count('logins.ok');
    await clock.advance(60_000);
    metrics.gauge('sessions.open', 0);
    await clock.advance(60_000);
    expect(lines.map((line) => [line['logins.ok'], line['sessions.open']])).toEqual([
      [2, 2],
      [1, 2],
      [0, 0],
    ]);
  });

  it('has a distribution as its values, once', async () => {
    const { clock, metrics, lines } = start();
    metrics.observe('uploads.seconds-to-226', 0.2);
    metrics.observe('uploads.seconds-to-226', 1.5);
    await clock.advance(120_000);
    expect(lines.map((line) => line['uploads.seconds-to-226'])).toEqual([[0.2, 1.5], undefined]);
  });

  it('takes a hundred values, and the next line the others', async () => {
    const { clock, metrics, lines } = start();
    for (let value = 1; value <= 201; value++) metrics.observe('uploads.seconds-to-226', value);
    metrics.count('uploads.committed', 201);
    await clock.advance(60_000);
    expect(lines.map((line) => (line['uploads.seconds-to-226'] as number[]).length)).toEqual([100, 100, 1]);
    expect(lines.map((line) => line['uploads.committed'])).toEqual([201, undefined, undefined]);
    expect(lines[2]?._aws.CloudWatchMetrics[0].Metrics).toEqual([{ Name: 'uploads.seconds-to-226', Unit: 'Seconds' }]);
  });

  it('is also the last word, once', async () => {
    const { clock, metrics, lines, report } = start();
    metrics.count('uploads.committed');
    report.stop();
    report.stop();
    await clock.advance(120_000);
    expect(lines.map((line) => line['uploads.committed'])).toEqual([1]);
    expect(clock.pending).toBe(0);
  });
});

it('of more values than are kept the latest stay', () => {
  const metrics = new ProcessMetrics();
  for (let value = 0; value <= mostSamples; value++) metrics.observe('uploads.seconds-to-226', value);
  const values = metrics.takeSamples()['uploads.seconds-to-226'] ?? [];
  expect(values).toHaveLength(mostSamples);
  expect([values[0], values[1], values.at(-1)]).toEqual([mostSamples, 1, mostSamples - 1]);
});
