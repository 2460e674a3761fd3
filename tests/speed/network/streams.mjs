// What iperf3 moves between two containers of the default network, and between two plain namespaces with a veth pair.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { promisify } from 'node:util';
import { execFile } from 'node:child_process';
import { summary } from './figures.mjs';

const execute = promisify(execFile);

/** Bits per second from one namespace to the address of another. */
async function flow({ from, to, address }, seconds) {
  const server = spawn(...words(to, ['iperf3', '--server', '--one-off', '--forceflush']), {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    await once(server.stdout, 'data');
    const client = ['iperf3', '--client', address, '--time', `${seconds}`, '--json'];
    const { stdout } = await execute(...words(from, client), { maxBuffer: 2 ** 26 });
    return JSON.parse(stdout).end.sum_received.bits_per_second;
  } finally {
    server.kill();
    if (server.exitCode === null && server.signalCode === null) await once(server, 'exit');
  }
}

function words(namespace, command) {
  return ['nsenter', [`--net=${namespace}`, ...command]];
}

async function containerPair(engine) {
  const config = { image: 'tiny', command: ['pause'], network: 'default' };
  const [one, two] = await Promise.all([engine.run(config), engine.run(config)]);
  const place = async (container) => `/proc/${(await container.state()).pid}/ns/net`;
  const { record } = await two.inspect();
  return {
    pair: { from: await place(one), to: await place(two), address: record.endpoints[0].ipv4 },
    remove: async () => {
      for (const container of [one, two]) await container.remove({ force: true });
    },
  };
}

/** Two namespaces of processes that do nothing, and one veth pair. */
async function plainPair() {
  const holders = await Promise.all(
    [0, 1].map(async () => {
      const child = spawn('unshare', ['--net', 'sh', '-c', 'echo ready; exec cat'], {
        stdio: ['pipe', 'pipe', 'inherit'],
      });
      await once(child.stdout, 'data');
      return child;
    }),
  );
  const [one, two] = holders.map(({ pid }) => `/proc/${pid}/ns/net`);
  const [near, far] = holders.map(({ pid }) => pid);
  execFileSync('ip', [
    'link',
    'add',
    'wr0',
    'netns',
    `${near}`,
    'type',
    'veth',
    'peer',
    'wr1',
    'netns',
    `${far}`,
  ]);
  for (const [namespace, link, number] of [
    [one, 'wr0', 1],
    [two, 'wr1', 2],
  ]) {
    execFileSync(...words(namespace, ['ip', 'addr', 'add', `198.18.0.${number}/24`, 'dev', link]));
    execFileSync(...words(namespace, ['ip', 'link', 'set', link, 'up']));
  }
  return {
    pair: { from: one, to: two, address: '198.18.0.2' },
    remove: async () => {
      for (const holder of holders) holder.kill();
    },
  };
}

export async function measureStreams(engine, { rounds, seconds, tell, signal }) {
  const contenders = { containers: await containerPair(engine), plain: await plainPair() };
  const found = { containers: [], plain: [] };
  try {
    for (let round = 0; round <= rounds; round += 1) {
      for (const [name, { pair }] of Object.entries(contenders)) {
        signal.throwIfAborted();
        const bits = await flow(pair, seconds);
        // The first round only warms up.
        if (round > 0) found[name].push(bits);
        tell(`iperf3 ${round}, ${name}: ${(bits / 1e9).toFixed(2)} Gbit/s`);
      }
    }
  } finally {
    for (const { remove } of Object.values(contenders)) await remove();
  }
  return { seconds, containers: summary(found.containers), plain: summary(found.plain) };
}
