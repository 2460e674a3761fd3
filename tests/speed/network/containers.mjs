// Launch rate with and without a network, reachability of all, and the cost of one more container at few and at many.
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { join } from 'node:path';
import { rounded, summary, timed } from './figures.mjs';

const reachAll = join(import.meta.dirname, '..', '..', 'fixtures', 'network', 'reach-all.mjs');
const anyPort = { protocol: 'tcp', hostIp: '', hostPort: 0, hostPortEnd: 0, containerPort: 8080 };
const resolver = '169.254.1.53';

const base = { image: 'tiny', command: ['httpd'] };
const kinds = {
  none: { ...base, network: 'none' },
  default: { ...base, network: 'default', publish: [anyPort] },
  named: { ...base, network: 'back', publish: [anyPort] },
};

/** Targets that did not answer, of those asked in the namespace of a process; 0: in this one. */
async function ask(pid, targets, ...nameServer) {
  const enter = pid === 0 ? [] : ['nsenter', `--net=/proc/${pid}/ns/net`];
  const [file, ...args] = [...enter, process.execPath, reachAll, ...nameServer];
  const child = execFile(file, args);
  child.stdin.end(JSON.stringify(targets));
  const [output] = await Promise.all([text(child.stdout), once(child, 'close')]);
  const { asked, wrong } = JSON.parse(output);
  if (wrong.length > 0) console.error(wrong.slice(0, 5).join('\n'));
  return { asked, answered: asked - wrong.length };
}

/** Every container by its published port from the host, and from another container by address, or by name. */
async function prove(engine, kind) {
  const all = (await engine.containers.list()).map(({ record, state }) => ({ record, state }));
  const hostname = ({ id }) => id.slice(0, 12);
  const published = all.map(({ record }) => ({
    at: '127.0.0.1',
    port: record.ports[0].hostPort,
    hostname: hostname(record),
  }));
  const inside = all.map(({ record }) => ({
    at: kind === 'named' ? hostname(record) : record.endpoints[0].ipv4,
    port: 8080,
    hostname: hostname(record),
  }));
  const nameServer = kind === 'named' ? [resolver] : [];
  const fromHost = await timed(async () => ask(0, published));
  const fromContainer = await timed(async () => ask(all[0].state.pid, inside, ...nameServer));
  return {
    fromHost: { ...fromHost.value, seconds: rounded(fromHost.ms / 1000) },
    fromContainer: { ...fromContainer.value, seconds: rounded(fromContainer.ms / 1000) },
  };
}

async function removeAll(engine) {
  const ids = (await engine.containers.list({ all: true })).map(({ record }) => record.id);
  const { ms, value } = await timed(async () => engine.containers.remove(ids, { force: true }));
  const failed = value.find(({ ok }) => !ok);
  if (failed !== undefined) throw failed.error;
  return ms;
}

async function launch(engine, { config, count, signal }) {
  const { ms, value } = await timed(async () => engine.runMany(config, count, { signal }));
  const failed = value.find(({ ok }) => !ok);
  if (failed !== undefined) throw failed.error;
  return ms;
}

/** Times of single launches and removals beside those that run. */
async function addOnes(engine, config, count) {
  const adding = [];
  const removing = [];
  for (let index = 0; index < count; index += 1) {
    const { ms, value } = await timed(async () => engine.run(config));
    adding.push(ms);
    removing.push((await timed(async () => value.remove({ force: true }))).ms);
  }
  return { adding, removing };
}

/**
 * Each round: few containers of each kind with single ones added, then many, with single ones added, proved and removed. Kinds take
 * turns, so what else the machine does meets all of them.
 */
export async function measureContainers(engine, { count, few, ones, rounds, tell, signal }) {
  await engine.networks.create({ name: 'back' });
  const found = Object.fromEntries(
    Object.keys(kinds).map((kind) => [
      kind,
      { perSecond: [], removedPerSecond: [], few: [], many: [], fewRemoved: [], manyRemoved: [] },
    ]),
  );
  const proofs = [];
  for (const kind of Object.keys(kinds))
    await (await engine.run(kinds[kind])).remove({ force: true });
  for (let round = 1; round <= rounds; round += 1) {
    for (const [kind, config] of Object.entries(kinds)) {
      signal.throwIfAborted();
      const figures = found[kind];
      await launch(engine, { config, count: few, signal });
      const atFew = await addOnes(engine, config, ones);
      figures.few.push(...atFew.adding);
      figures.fewRemoved.push(...atFew.removing);
      await removeAll(engine);
      const ms = await launch(engine, { config, count, signal });
      figures.perSecond.push((count * 1000) / ms);
      const atMany = await addOnes(engine, config, ones);
      figures.many.push(...atMany.adding);
      figures.manyRemoved.push(...atMany.removing);
      if (kind !== 'none') proofs.push({ kind, round, ...(await prove(engine, kind)) });
      figures.removedPerSecond.push((count * 1000) / (await removeAll(engine)));
      tell(`round ${round}, ${kind}: ${figures.perSecond.at(-1).toFixed(0)} launches/s`);
    }
  }
  return {
    count,
    few,
    kinds: Object.fromEntries(
      Object.entries(found).map(([kind, figures]) => [
        kind,
        Object.fromEntries(Object.entries(figures).map(([name, all]) => [name, summary(all)])),
      ]),
    ),
    proofs,
  };
}
