import { progressBar } from '../../runtime/operator/progress-bar';

function terminal(columns = 80) {
  const written: string[] = [];
  return { written, output: { isTTY: true, columns, write: (text: string) => written.push(text) } };
}

it('is silent where nobody looks', () => {
  const written: string[] = [];
  const bar = progressBar({ write: (text) => written.push(text) }, 'files', () => 0);
  bar.advance(10, 'a');
  bar.clear();
  expect(written).toEqual([]);
});

it('tells count, bytes and speed, and draws a bar where the end is known', () => {
  let time = 0;
  const { written, output } = terminal();
  const bar = progressBar(output, 'files', () => time, 4);
  time = 1_000;
  bar.advance(2_000_000, 'a.csv');
  expect(written).toEqual(['\r[#####...............] 1 of 4 files, 2.0 MB, 2.0 MB/s  a.csv\u001B[K']);
});

it('draws ten times a second at most, and the last one always', () => {
  let time = 0;
  const { written, output } = terminal();
  const bar = progressBar(output, 'files', () => time, 100);
  for (let done = 0; done < 100; done++) {
    time += 5;
    bar.advance(1, 'x');
  }
  expect(written.length).toBeLessThanOrEqual(6);
  expect(written.at(-1)).toContain('100 of 100');
});

it('stays on its line, and keeps control characters of names from the terminal', () => {
  const { written, output } = terminal(40);
  progressBar(output, 'files', () => 0).advance(1, `\u001B[2J${'long '.repeat(30)}`);
  expect(written[0]?.replace(/^\r|\u001B\[K$/g, '').length).toBeLessThanOrEqual(39);
  expect(written[0]).not.toContain('\u001B[2J');
});
