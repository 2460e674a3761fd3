// Speaks TCP in a network namespace of the rig: `serve PORT` answers each connection with the address it comes from,
// `connect TIMEOUT_MS ADDRESS PORT [SOURCE]` prints that answer, or why there is none.
import { createConnection, createServer } from 'node:net';

const [, , command, ...args] = process.argv;

if (command === 'serve') {
  const server = createServer((socket) => {
    socket.on('error', () => socket.destroy());
    socket.end(`${socket.remoteAddress?.replace('::ffff:', '')}\n`);
  });
  server.listen({ port: Number(args[0]), host: '::' }, () => process.stdout.write('ready\n'));
} else {
  const [timeoutMs, host, port, localAddress] = args;
  const socket = createConnection({
    host,
    port: Number(port),
    localAddress,
    timeout: Number(timeoutMs),
  });
  let answer = '';
  socket.on('data', (data) => (answer += data));
  socket.on('end', () => process.stdout.write(answer));
  socket.on('timeout', () => socket.destroy(new Error('ETIMEDOUT')));
  socket.on('error', (error) => process.stdout.write(`${error.code ?? error.message}\n`));
}
