import type { Socket } from 'node:net';
import { createSecureContext, TLSSocket } from 'node:tls';
import { systemClock } from '../../runtime/adapters/system-clock';
import { Worker } from '../../runtime/routing/worker';
import type { PipeEnd } from '../../runtime/routing/worker-channel';
import { watchEnd } from '../../runtime/server/end-of-data';
import { makeCertificate } from '../support/certificates';

/**
 * A worker as a process of its own, whose sessions know five words: `pid`, `port` (reserves one and says everything that comes there, and by whom), `tls` (the same with
 * TLS, and how its end is judged), `fail` (how many failed logins are counted over all workers), `die`.
 */
const worker = new Worker({
  pipe: process as unknown as PipeEnd,
  clock: systemClock,
  onSession: (socket, implicit, address) => {
    socket.write(`hello ${address} ${implicit}\n`);
    socket.on('data', (bytes) => {
      void answer(bytes.toString().trim(), address).then((line) => socket.write(`${line}\n`));
    });
    socket.on('end', () => socket.end());
    socket.resume();

    async function answer(word: string, client: string): Promise<string> {
      if (word === 'die') process.exit(7);
      if (word === 'pid') return `pid ${process.pid}`;
      if (word === 'fail') return `failed ${await worker.leases.addFailure({ user: 'u', address: client }, 60_000)}`;
      const { port } = await worker.reserve({
        client,
        user: 'u',
        anyAddress: false,
        onSocket: (data, from) => {
          let text = '';
          data.on('data', (piece) => {
            text += piece.toString();
          });
          if (word === 'tls') {
            takeTls(data, (line) => socket.write(`${line}\n`));
            return;
          }
          data.on('end', () => socket.write(`data ${text} from ${from} at ${process.pid}\n`));
          data.resume();
        },
        onStranger: (from) => socket.write(`stranger ${from}\n`),
        onExpired: () => socket.write('expired\n'),
      });
      return `port ${port}`;
    }
  },
  onPark: async () => false,
  uploads: () => [],
  onDrain: () => process.exit(0),
});

const certificate = makeCertificate();

function takeTls(raw: Socket, say: (line: string) => void): void {
  void certificate.then(({ cert, key }) => {
    const tls = new TLSSocket(raw, { isServer: true, secureContext: createSecureContext({ cert, key }) });
    const { verified } = watchEnd(tls, raw);
    let size = 0;
    tls.on('data', ({ length }: Buffer) => {
      size += length;
    });
    tls.on('error', (error) => say(`tls ${error.message}`));
    tls.on('end', () => say(`tls ${size} ${verified() ? 'verified' : 'cut'}`));
  });
}

void certificate.then(() => worker.ready());
