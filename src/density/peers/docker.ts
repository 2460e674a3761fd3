import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { finished } from 'node:stream/promises';
import Docker from 'dockerode';
import { abortable } from '../../base/abort.js';
import { isWarrenError, WarrenError } from '../../base/errors.js';
import type { Peer, PeerTask } from './peer.js';
import { startTalking } from './tools/background.js';
import { Enclosure } from './tools/enclosure.js';
import { idBase, idCount } from './tools/id-range.js';
import { insideWords } from './tools/inside.js';
import { makePeerCgroup } from './tools/limited-cgroup.js';
import { programName, programsIn } from './tools/processes.js';
import { runProgram } from './tools/program.js';
import { archiveRootfs } from './tools/rootfs-archive.js';

const image = 'pause:latest';
/** A user and a group of every Debian system. */
const remapped = 'daemon';
const script = `echo ${remapped}:${idBase(0)}:${idCount} | tee /etc/subuid >/etc/subgid`;
/** A call that takes longer will never be answered. */
const patienceMs = 60_000;

/** A dockerd of the benchmark's own: its bridge and its firewall rules are in the enclosure's network namespace. */
export const docker: Peer = {
  name: 'docker',
  title: 'Docker',
  variants: {
    default:
      'create and start by the API of a dockerd that has only just started: overlay2, seccomp filter, bridge network, no limits, no user namespace',
    equal:
      'the same with a user namespace (one range of 65,536 ids for all), own cgroup namespace, no network, memory, pids and CPU limits',
  },
  prepare: async (task) => {
    const { stdout } = await runProgram('dockerd', ['--version']);
    makePeerCgroup(task);
    const enclosure = await Enclosure.open(task, { script });
    const engine = await startEngine(task, enclosure);
    const ask = askerOf(task.signal);
    await ask(importing(engine, await archiveRootfs(task)));
    const containers: Docker.Container[] = [];
    return {
      version: stdout.trim(),
      readiness: 'answer of the start call, which comes after the program was started',
      launch: async (index) => {
        const container = await ask(
          async () => await engine.createContainer(optionsOf(task, index)),
        );
        containers.push(container);
        await ask(async () => {
          await container.start();
        });
      },
      count: () => programsIn(task.cgroup),
      stop: async () => {
        // One after the other: when many go at once, dockerd 20.10 can lock up for ever (moby issue 46661).
        for (const container of containers.splice(0)) {
          await ask(async () => {
            await container.remove({ force: true });
          });
        }
      },
      clean: async () => await enclosure.close(),
    };
  },
};

async function startEngine(task: PeerTask, enclosure: Enclosure): Promise<Docker> {
  const socketPath = join(task.directory, 'docker.sock');
  const config = join(task.directory, 'daemon.json');
  writeFileSync(config, '{}');
  const words = [
    ...['dockerd', '--config-file', config, '--host', `unix://${socketPath}`],
    ...['--data-root', join(task.directory, 'data'), '--cgroup-parent', `/${task.cgroup}`],
    ...['--exec-opt', 'native.cgroupdriver=cgroupfs'],
    ...(task.variant === 'equal' ? ['--userns-remap', remapped] : []),
  ];
  await startTalking(insideWords(enclosure.inside, words), {
    name: 'dockerd',
    ready: 'API listen on',
    signal: task.signal,
  });
  return new Docker({ socketPath, timeout: patienceMs });
}

function importing(engine: Docker, archive: string): () => Promise<void> {
  const [repo, tag] = image.split(':');
  return async () => {
    const answer = await engine.importImage(archive, { repo, tag });
    await finished(answer.resume());
    await engine.getImage(image).inspect();
  };
}

/** With what the types leave out. */
interface HostConfig extends Docker.HostConfig {
  readonly CgroupnsMode: 'private' | 'host';
}

function optionsOf(task: PeerTask, index: number): Docker.ContainerCreateOptions {
  const { memoryBytes, pidsLimit, cpus, variant } = task;
  const equal: HostConfig = {
    CgroupnsMode: 'private',
    NetworkMode: 'none',
    Memory: memoryBytes,
    PidsLimit: pidsLimit,
    NanoCpus: Math.round(cpus * 1e9),
  };
  return {
    name: `c${index}`,
    Image: image,
    Cmd: [`/bin/${programName}`],
    HostConfig: variant === 'equal' ? equal : {},
  };
}

/** Makes calls. What the engine refuses, or does not answer in time, is a reason for having no figures. */
function askerOf(signal: AbortSignal): <T>(call: () => Promise<T>) => Promise<T> {
  return async (call) => {
    try {
      return await abortable(call(), signal, 'use dockerd');
    } catch (error) {
      if (isWarrenError(error, 'canceled')) throw error;
      const reason = error instanceof Error ? error.message : String(error);
      throw new WarrenError('unavailable', 'PEER_FAILED', `Cannot use dockerd: ${reason}`, {
        cause: error,
      });
    }
  };
}
