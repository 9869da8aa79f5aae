import { PassThrough } from 'node:stream';
import { askHidden } from '../../runtime/operator/ask-hidden';

function ask() {
  const input = new PassThrough();
  const output = new PassThrough();
  const answer = askHidden('Password: ', input, output);
  return { input, answer, shown: () => String(output.read() ?? '') };
}

it('shows the question and nothing of the answer', async () => {
  const { input, answer, shown } = ask();
  input.write('sec');
  input.write('ret\r');
  expect(await answer).toBe('secret');
  expect(shown()).toBe('Password: \n');
});

it('lets a slip of the finger be corrected', async () => {
  const { input, answer } = ask();
  input.write('secreu\x7ft\r');
  expect(await answer).toBe('secret');
});

it.each([
  ['Ctrl-C', (input: PassThrough) => input.write('sec\x03')],
  ['the end of the input', (input: PassThrough) => input.end()],
])('%s is no answer', async (_what, end) => {
  const { input, answer } = ask();
  end(input);
  expect(await answer).toBeUndefined();
});
