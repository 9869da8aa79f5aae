import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';

/** Asks on a terminal without showing what is typed. Undefined: interrupted, or the input has ended. Apart from the command line, so that it can be tested. */
export function askHidden(question: string, input: NodeJS.ReadableStream, output: NodeJS.WritableStream): Promise<string | undefined> {
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  // As a terminal it edits the line by itself, and what would be shown of that goes nowhere.
  const terminal = createInterface({ input, output: nowhere, terminal: true });
  output.write(question);
  return new Promise((resolve) => {
    const end = (answer: string | undefined) => {
      resolve(answer);
      terminal.close();
    };
    terminal.once('close', () => {
      output.write('\n');
      resolve(undefined);
    });
    terminal.once('SIGINT', () => end(undefined));
    terminal.once('line', end);
  });
}
