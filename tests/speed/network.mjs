// What networks cost at scale: launch rate with and without one, one more container at few and at many, streams, other engines' default
// networks, and where the ends of links are. Each container is proved to be reachable.
import { spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { percentile, rounded, table } from './network/figures.mjs';

const usage = `Measures networks at scale, in a network namespace of its own. Needs root and a build of this checkout.

  node tests/speed/network.mjs [options]

  --count N        containers of a mass launch (3000)
  --few N          containers that "few" means (10)
  --ones N         single launches at few and at many (30)
  --rounds N       rounds of everything (3)
  --seconds N      of each stream of iperf3 (3)
  --only LIST      of containers,streams,ends,peers (containers,streams,ends)
  --peers LIST     of docker,podman (both); only with peers
  --peer-counts L  counts at which those are measured (100,500,1000)
  --ends LIST      counts of links (1000,3000)
  --directory DIR  place for everything (/var/tmp)
  --json FILE      figures as JSON
`;

const { values } = parseArgs({
  options: {
    count: { type: 'string', default: '3000' },
    few: { type: 'string', default: '10' },
    ones: { type: 'string', default: '30' },
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '3' },
    only: { type: 'string', default: 'containers,streams,ends' },
    peers: { type: 'string', default: 'docker,podman' },
    'peer-counts': { type: 'string', default: '100,500,1000' },
    ends: { type: 'string', default: '1000,3000' },
    directory: { type: 'string', default: '/var/tmp' },
    json: { type: 'string' },
    inside: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

const numbers = (text) => text.split(',').map(Number);
const tell = (line) => console.error(line);

if (values.help) process.stdout.write(usage);
else if (values.inside) await measure();
else await inOwnNamespace();

/** Tables, settings and ports of the machine stay as they are. Ctrl-C reaches both processes: the one inside cleans up. */
async function inOwnNamespace() {
  const words = ['--net', process.execPath, ...process.argv.slice(1), '--inside'];
  const child = spawn('unshare', words, { stdio: 'inherit' });
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill('SIGTERM'));
  const [code] = await once(child, 'exit');
  process.exitCode = code ?? 1;
}

async function measure() {
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'])
    process.on(signal, () => stop.abort(new Error('interrupted')));
  const name = `warren-network-${randomBytes(4).toString('hex')}`;
  const directory = join(values.directory, name);
  mkdirSync(directory, { mode: 0o711 });
  spawnSync('ip', ['link', 'set', 'lo', 'up']);
  const { Engine } = await import('../../dist/index.js');
  const engine = await Engine.open({
    dataRoot: join(directory, 'data'),
    runDir: join(directory, 'run'),
    cgroupParent: `/${name}`,
    networkPool: '10.240.0.0/12',
    hostNat: true,
    defaultNetwork: 'default',
  });
  const common = { rounds: Number(values.rounds), tell, signal: stop.signal };
  try {
    await engine.images.buildBase('tiny');
    const figures = await all(engine, { common, place: { directory, name } });
    if (values.json !== undefined) writeFileSync(values.json, JSON.stringify(figures, null, 2));
    print(figures);
  } catch (error) {
    if (!stop.signal.aborted) throw error;
    process.exitCode = 130;
  } finally {
    const left = await engine.containers.list({ all: true });
    await engine.containers.remove(
      left.map(({ record }) => record.id),
      { force: true },
    );
    await engine.system.shutdown({ force: true });
    await engine.close();
    rmSync(directory, { recursive: true, force: true });
  }
}

async function all(engine, { common, place }) {
  const only = values.only.split(',');
  const figures = { date: new Date().toISOString(), loadBefore: loadavg()[0] };
  if (only.includes('ends')) {
    const { measureEnds } = await import('./network/ends.mjs');
    figures.ends = await measureEnds({ ...common, counts: numbers(values.ends) });
  }
  if (only.includes('streams')) {
    const { measureStreams } = await import('./network/streams.mjs');
    figures.streams = await measureStreams(engine, { ...common, seconds: Number(values.seconds) });
  }
  if (only.includes('containers')) {
    const { measureContainers } = await import('./network/containers.mjs');
    figures.containers = await measureContainers(engine, {
      ...common,
      count: Number(values.count),
      few: Number(values.few),
      ones: Number(values.ones),
    });
  }
  if (only.includes('peers')) {
    const { measurePeers } = await import('./network/peers.mjs');
    figures.peers = await measurePeers(engine, {
      ...common,
      counts: numbers(values['peer-counts']),
      ones: Number(values.ones),
      names: values.peers.split(','),
      place,
    });
  }
  return figures;
}

function print({ containers, streams, ends, peers }) {
  const parts = [
    ...(containers === undefined ? [] : [containersTable(containers), proofsTable(containers)]),
    ...(streams === undefined ? [] : [streamsTable(streams)]),
    ...(ends === undefined ? [] : [endsTable(ends)]),
    ...(peers === undefined ? [] : [peersTable(peers)]),
  ];
  console.log(parts.join('\n\n'));
}

function containersTable({ count, few, kinds }) {
  const spread = ({ median, p90 }) => `${rounded(median)} ms (${rounded(p90)})`;
  const ratio = (one, other) => `${rounded(one.median / other.median)} ×`;
  const rows = Object.entries(kinds).map(([kind, figures]) => [
    kind,
    rounded(figures.perSecond.median, 0),
    ratio(kinds.none.perSecond, figures.perSecond),
    spread(figures.few),
    spread(figures.many),
    ratio(figures.many, figures.few),
    ratio(figures.manyRemoved, figures.fewRemoved),
    rounded(figures.removedPerSecond.median, 0),
  ]);
  const head = [
    ...['network', `launches/s to ${count}`, 'time to none', `one more at ${few} (p90)`],
    ...[`at ${count} (p90)`, 'growth', 'growth of removal', 'removals/s'],
  ];
  return table(head, rows);
}

function proofsTable({ proofs }) {
  const share = ({ answered, asked, seconds }) => `${answered} of ${asked} in ${seconds} s`;
  const rows = proofs.map(({ kind, round, fromHost, fromContainer }) => [
    kind,
    round,
    share(fromHost),
    share(fromContainer),
  ]);
  return table(['network', 'round', 'by port, from the host', 'from another container'], rows);
}

function streamsTable({ containers, plain }) {
  const row = (name, { median, p10, p90 }) => [
    name,
    ...[median, p10, p90].map((bits) => `${rounded(bits / 1e9)} Gbit/s`),
    `${rounded(median / plain.median)} ×`,
  ];
  const rows = [row('containers', containers), row('plain namespaces', plain)];
  return table(['between', 'median', 'p10', 'p90', 'to plain'], rows);
}

function endsTable(ends) {
  const groups = new Map();
  for (const each of ends) {
    const key = `${each.place} ${each.count}`;
    groups.set(key, [...(groups.get(key) ?? []), each]);
  }
  const median = (all, field) =>
    percentile(
      all.map((each) => each[field]),
      0.5,
    );
  const rows = [...groups.values()].map((all) => [
    all[0].place,
    all[0].count,
    median(all, 'perSecond'),
    `${median(all, 'listMs')} ms`,
    `${median(all, 'msForEachRemoved')} ms`,
  ]);
  return table(['ends in', 'links', 'made/s', 'ip link on the host', 'removal of one'], rows);
}

function peersTable(peers) {
  const counts = Object.keys(Object.values(peers)[0]);
  const rows = Object.entries(peers).map(([name, found]) => [
    name,
    ...counts.map((count) => `${rounded(found[count].median)} ms`),
    `${rounded(found[counts.at(-1)].median / found[counts[0]].median)} ×`,
  ]);
  return table(
    ['default network of', ...counts.map((count) => `one more at ${count}`), 'growth'],
    rows,
  );
}
