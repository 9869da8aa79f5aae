import { lastBegun, nextTime } from '../../runtime/filesystem/logical-time';
import type { Claim } from '../../runtime/model/change';
import type { Entry } from '../../runtime/model/entry';

const file = (sequence: number, begun: number) => ({ kind: 'file', sequence, begun }) as Entry;
const directory = (sequence: number) => ({ kind: 'directory', sequence }) as Entry;
const held = (sequence: number, begun: number) => ({ state: 'held', sequence, begun }) as Claim;
const free = (sequence: number, begun: number) => ({ state: 'free', sequence, begun, expires: 0 }) as Claim;

it.each([
  ['the clock, when it is ahead of everything', 100, file(5, 7), free(8, 9), [{ begun: 10 }], 100],
  ['the clock, on a path that never was', 100, undefined, undefined, [], 100],
  ['after the sequence of the entry', 100, file(200, 7), undefined, [], 201],
  ['after the begin of the version that is there', 100, file(5, 300), undefined, [], 301],
  ['after the sequence of a directory', 100, directory(400), undefined, [], 401],
  ['after the history that a free claim keeps', 100, undefined, free(500, 1), [], 501],
  ['after the begin that a free claim keeps', 100, undefined, free(1, 600), [], 601],
  ['after the history that a held claim keeps', 100, undefined, held(700, 1), [], 701],
  ['after the latest open upload', 100, file(5, 5), undefined, [{ begun: 800 }, { begun: 3 }], 801],
  ['one more when the clock shows exactly the last', 100, file(100, 1), undefined, [], 101],
] as const)('the next time of a path is %s', (_, now, entry, claim, uploads, expected) => {
  expect(nextTime(now, entry, claim, uploads)).toBe(expected);
});

it.each([
  ['the version that is there', file(5, 7), free(9, 9), 7],
  ['nothing, for a directory', directory(5), free(9, 9), 0],
  ['the last version, when it has gone', undefined, free(5, 8), 8],
  ['nothing, on a path that never was', undefined, undefined, 0],
] as const)('an upload that began before %s is out of date', (_, entry, claim, expected) => {
  expect(lastBegun(entry, claim)).toBe(expected);
});
