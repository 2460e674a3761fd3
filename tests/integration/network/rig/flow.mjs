// receive ADDRESS SKIP BYTES: prints its port, then the bytes per second of BYTES that follow the first SKIP. send ADDRESS PORT.
import { connect, createServer } from 'node:net';

const [role, address, ...numbers] = process.argv.slice(2);
const [first, second] = numbers.map(Number);

function receive() {
  const server = createServer((socket) => {
    let seen = 0;
    let began = 0;
    let atBegin = 0;
    socket.on('data', (data) => {
      seen += data.length;
      if (began === 0 && seen >= first) {
        began = performance.now();
        atBegin = seen;
      }
      if (seen < first + second) return;
      console.log(((seen - atBegin) * 1000) / (performance.now() - began));
      socket.destroy();
      server.close();
    });
  });
  server.listen(0, address, () => console.log(server.address().port));
}

function send() {
  const block = Buffer.alloc(1 << 16);
  const socket = connect(first, address);
  const fill = () => {
    while (socket.write(block));
  };
  socket
    .on('connect', fill)
    .on('drain', fill)
    .on('error', () => socket.destroy());
}

if (role === 'receive') receive();
else send();
