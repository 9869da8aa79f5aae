import { request } from 'node:http';

/** One small JSON dialogue with the agent beside the container; plain HTTP on a link-local address, as it offers it. */
export interface AgentRequest {
  readonly method: 'GET' | 'PUT';
  readonly url: string;
  readonly body?: unknown;
}

const timeout = 5_000;
const mostBytes = 256 * 1024;

/** Throws what went wrong; a status other than 2xx with the agent's own words. */
export function askAgent({ method, url, body }: AgentRequest): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const sent = body === undefined ? undefined : JSON.stringify(body);
    const headers = sent === undefined ? {} : { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(sent) };
    const signal = AbortSignal.timeout(timeout);
    const failed = (cause: Error) =>
      reject(signal.aborted ? new Error(`The agent did not answer within ${timeout / 1_000} seconds.`, { cause }) : cause);
    const asked = request(url, { method, headers, agent: false, signal }, (answer) => {
      let text = '';
      answer.setEncoding('utf8');
      answer.on('error', failed);
      answer.on('data', (piece: string) => {
        text += piece;
        if (text.length > mostBytes) answer.destroy(new Error(`The agent's answer is longer than ${mostBytes} characters.`));
      });
      answer.on('end', () => {
        const status = answer.statusCode ?? 0;
        if (status < 200 || status > 299) return reject(new Error(`The agent answered ${status}: ${text.slice(0, 500)}`));
        try {
          resolve(JSON.parse(text));
        } catch (cause) {
          reject(new Error('The agent answered with something else than JSON.', { cause }));
        }
      });
    });
    asked.on('error', failed);
    asked.end(sent);
  });
}
