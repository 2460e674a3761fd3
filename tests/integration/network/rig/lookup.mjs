// TYPE NAME: what the name server of containers answers, as JSON; the error's code otherwise. `flood COUNT`: connections that it keeps.
import { Resolver } from 'node:dns/promises';
import { connect } from 'node:net';

const server = '169.254.1.53';
const [word, name] = process.argv.slice(2);

async function lookUp() {
  const resolver = new Resolver({ timeout: 4000, tries: 1 });
  resolver.setServers([server]);
  try {
    const found =
      word === 'PTR' ? await resolver.reverse(name) : await resolver.resolve(name, word);
    return JSON.stringify(found.sort());
  } catch (error) {
    return error.code;
  }
}

/** How many of so many connections are still open when the last one that is refused has been closed. */
async function flood(count) {
  const sockets = Array.from({ length: count }, () => connect(53, server));
  const closed = sockets.map((socket) => new Promise((resolve) => socket.once('close', resolve)));
  for (const socket of sockets) socket.on('error', () => socket.destroy()).resume();
  const kept = 8;
  let open = count;
  await new Promise((resolve) => {
    for (const each of closed) each.then(() => (open -= 1) === kept && resolve());
  });
  return String(open);
}

process.stdout.write(word === 'flood' ? await flood(Number(name)) : await lookUp());
process.exit();
