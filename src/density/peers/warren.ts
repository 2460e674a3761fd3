import { join } from 'node:path';
import { packageVersion } from '../../base/package.js';
import type { ContainerHandle } from '../../engine/contract.js';
import { Engine } from '../../engine/engine.js';
import { configOf } from '../scenario.js';
import type { Peer } from './peer.js';

/** Warren as the others are measured: one launch after the other, each from call to answer. */
export const warren: Peer = {
  name: 'warren',
  title: 'Warren',
  variants: {
    default:
      'the library, containers of the scenario: all namespaces, limits, seccomp filter, overlay, logs',
    equal: 'the same',
  },
  prepare: async ({ directory, cgroup, signal, scenario }) => {
    const engine = await Engine.open({
      dataRoot: join(directory, 'data'),
      runDir: join(directory, 'run'),
      cgroupParent: `/${cgroup}`,
    });
    const containers: ContainerHandle[] = [];
    const config = { ...configOf(scenario), image: 'tiny', command: ['pause'] };
    const warm = await engine.run(config, { signal });
    await warm.remove({ force: true });
    return {
      version: packageVersion(),
      readiness: 'answer of the library call, which comes after execve',
      launch: async () => {
        containers.push(await engine.run(config, { signal }));
      },
      count: async () => (await engine.containers.list()).length,
      stop: async () => {
        const ids = containers.splice(0).map(({ id }) => id);
        await engine.containers.remove(ids, { force: true });
      },
      clean: async () => {
        await engine.system.shutdown({ force: true });
        await engine.close();
      },
    };
  },
};
