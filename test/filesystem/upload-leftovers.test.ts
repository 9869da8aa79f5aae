import { getEventListeners } from 'node:events';
import { cut, put } from '../support/filesystem';
import { connectionLost, oneProcess } from '../support/one-process';

/**
 * A signal that stands for several is kept by Node as long as anybody listens to it, whoever else has let go of it: with it whatever the listener knows, the
 * session and its buffers among them.
 */

const joined: AbortSignal[] = [];
const any = AbortSignal.any.bind(AbortSignal);

beforeEach(() => {
  jest.spyOn(AbortSignal, 'any').mockImplementation((signals) => {
    const signal = any(signals);
    joined.push(signal);
    return signal;
  });
});
afterEach(() => {
  joined.length = 0;
  jest.restoreAllMocks();
});

it('an upload that has ended listens to nothing any more, so that its session can be forgotten', async () => {
  const { view } = oneProcess();
  await put(view, '/whole', 'content');
  await cut(view, '/cut', ['half'], connectionLost);
  expect(joined).toHaveLength(2);
  expect(joined.map((signal) => getEventListeners(signal, 'abort'))).toEqual([[], []]);
});
