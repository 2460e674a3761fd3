// Single launches one after the other on Docker's and Podman's default networks and on Warren's, with more and more beside them.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { docker } from '../../../dist/density/peers/docker.js';
import { podman } from '../../../dist/density/peers/podman.js';
import { removeCgroup, removeDirectory } from '../../../dist/density/peers/tools/scrub.js';
import { makeRootfs } from '../../../dist/density/side-by-side/rootfs.js';
import { rounded, summary, timed } from './figures.mjs';

const limits = { memoryBytes: 64 * 2 ** 20, pidsLimit: 64, cpus: 1 };

function openWarren(engine) {
  const config = { image: 'tiny', command: ['pause'], network: 'default' };
  return {
    launch: async () => engine.run(config),
    close: async () => {
      const all = await engine.containers.list({ all: true });
      await engine.containers.remove(
        all.map(({ record }) => record.id),
        { force: true },
      );
    },
  };
}

async function openPeer(peer, { directory, name, signal }) {
  const place = join(directory, peer.name);
  mkdirSync(place, { mode: 0o711 });
  const cgroup = `${name}-${peer.name}`;
  const task = { ...limits, directory: place, rootfs: makeRootfs(place), cgroup, signal };
  const scrub = async () => {
    await removeCgroup(cgroup);
    await removeDirectory(place);
  };
  try {
    const run = await peer.prepare({ ...task, variant: 'default' });
    return {
      launch: async (index) => run.launch(index),
      close: async () => {
        try {
          await run.stop();
          await run.clean?.();
        } finally {
          await scrub();
        }
      },
    };
  } catch (error) {
    await scrub();
    throw error;
  }
}

/** The launches that lead up to each count; the first count's are the launch cost. */
async function climb(system, { counts, ones, tell, signal, title }) {
  const found = {};
  let index = 0;
  for (const count of counts) {
    const times = [];
    for (; index < count; index += 1) {
      signal.throwIfAborted();
      times.push((await timed(async () => system.launch(index))).ms);
    }
    found[count] = summary(times.slice(-ones));
    tell(`${title}, the last to ${count}: ${rounded(found[count].median)} ms`);
  }
  return found;
}

export async function measurePeers(engine, { counts, ones, names, place, tell, signal }) {
  const openers = {
    warren: async () => openWarren(engine),
    docker: async () => openPeer(docker, { ...place, signal }),
    podman: async () => openPeer(podman, { ...place, signal }),
  };
  const found = {};
  for (const title of ['warren', ...names]) {
    const system = await openers[title]();
    try {
      found[title] = await climb(system, { counts, ones, tell, signal, title });
    } finally {
      await system.close();
    }
  }
  return found;
}
