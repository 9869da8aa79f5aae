import { readFileSync } from 'node:fs';
import { createServer } from 'node:tls';

/**
 * A TLS socket in Node whose bytes are thrown away: what no server in Node can do better. Arguments: certificate, key, and how many bytes a client sends, after
 * which the connection is ended. Prints its port.
 */
const [certificate = '', key = '', size = ''] = process.argv.slice(2);
const options = { cert: readFileSync(certificate), key: readFileSync(key) };

const server = createServer(options, (socket) => {
  let left = Number(size);
  socket.on('data', (bytes) => {
    left -= bytes.length;
    if (left <= 0) socket.end();
  });
  // The end of one transfer, however it comes.
  socket.on('error', () => socket.destroy());
});
server.listen(0, '127.0.0.1', () => {
  const { port } = server.address() as { port: number };
  process.stdout.write(`${port}\n`);
});
