import { readFileSync, readlinkSync } from 'node:fs';
import type { Session } from './session.js';
import { configOf } from './scenario.js';

/** What a container of the run was, as the kernel shows one of them. */
export interface ContainerManifest {
  readonly image: string;
  readonly imageId: string;
  readonly command: readonly string[];
  readonly namespaces: readonly string[];
  readonly network: string;
  readonly userNamespace: string;
  readonly init: string;
  readonly rootFileSystem: string;
  /** `target type (options)` of every mount inside. */
  readonly mounts: readonly string[];
  /** File systems of its own: S. */
  readonly superblocks: number;
  readonly cgroups: readonly string[];
  readonly limits: Readonly<Record<string, string>>;
  readonly capabilities: string;
  readonly seccomp: string;
  readonly noNewPrivileges: boolean;
  readonly logs: string;
}

/** Reads a container that runs; it is launched for that, and removed. */
export async function containerManifest(session: Session): Promise<ContainerManifest> {
  const { engine, scenario, signal } = session;
  const container = await engine.run(configOf(scenario), { signal });
  try {
    const { pid } = await container.state();
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    const field = (name: string): string =>
      new RegExp(`^${name}:\\s+(.*)$`, 'm').exec(status)?.[1] ?? '';
    const seccompModes: Readonly<Record<string, string>> = { 0: 'none', 2: 'filter' };
    const { spec } = container;
    return {
      image: spec.image,
      imageId: spec.imageId,
      command: [...spec.entrypoint, ...spec.command],
      namespaces: ownNamespaces(pid),
      network: spec.network === 'none' ? 'own namespace with lo only' : spec.network,
      userNamespace: readFileSync(`/proc/${pid}/uid_map`, 'utf8').trim().replaceAll(/\s+/g, ' '),
      init: spec.init ? 'warren-init' : "the image's program is pid 1",
      ...mountsOf(pid),
      cgroups: cgroupsOf(pid),
      limits: {
        memory: `${scenario.memoryBytes} bytes`,
        pids: `${scenario.pidsLimit}`,
        cpus: `${scenario.cpus}`,
      },
      capabilities: field('CapEff'),
      seccomp: seccompModes[field('Seccomp')] ?? field('Seccomp'),
      noNewPrivileges: field('NoNewPrivs') === '1',
      logs: spec.log.driver,
    };
  } finally {
    await container.remove({ force: true });
  }
}

function ownNamespaces(pid: number): readonly string[] {
  const kinds = ['pid', 'mnt', 'uts', 'ipc', 'cgroup', 'user', 'net', 'time'];
  const link = (whose: string, kind: string): string => readlinkSync(`/proc/${whose}/ns/${kind}`);
  return kinds.filter((kind) => link('self', kind) !== link(`${pid}`, kind));
}

interface Mounts {
  readonly rootFileSystem: string;
  readonly mounts: readonly string[];
  readonly superblocks: number;
}

/** Trees that containers share are bound: a file system counts as own when it is one of those that each container makes. */
const madeForEach = ['overlay', 'proc', 'mqueue', 'devpts', 'tmpfs'];

function mountsOf(pid: number): Mounts {
  const lines = readFileSync(`/proc/${pid}/mountinfo`, 'utf8').trim().split('\n');
  const found = lines.map((line) => {
    const [before = '', after = ''] = line.split(' - ');
    const [, , device = '', root = '', target = '', options = ''] = before.split(' ');
    return { device, root, target, options, type: after.split(' ')[0] ?? '' };
  });
  const own = new Set(
    found
      .filter(
        ({ type, root, target }) => madeForEach.includes(type) && root === '/' && target !== '/dev',
      )
      .map(({ device }) => device),
  );
  return {
    rootFileSystem: found.find(({ target }) => target === '/')?.type ?? 'unknown',
    mounts: found.map(({ target, type, options }) => `${target} ${type} (${options})`),
    superblocks: own.size,
  };
}

function cgroupsOf(pid: number): readonly string[] {
  return readFileSync(`/proc/${pid}/cgroup`, 'utf8')
    .trim()
    .split('\n')
    .filter((line) => /[0-9a-f]{64}$/.test(line))
    .map((line) => line.split(':')[1] ?? '')
    .map((controllers) => (controllers === '' ? 'unified' : controllers));
}
