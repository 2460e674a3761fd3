import { normalizeConfig } from '../../../src/model/normalize-config.js';
import type { ContainerConfig } from '../../../src/model/container-config.js';
import type { ContainerId, ContainerRecord } from '../../../src/model/container.js';
import type { LaunchInput } from '../../../src/spec/contract.js';

export const id: ContainerId = '0123456789abcdef'.repeat(4) as ContainerId;

const image = {
  id: 'sha256:1111',
  config: {
    entrypoint: [],
    command: ['sh'],
    env: [],
    workingDir: '',
    user: '',
    volumes: [],
    exposedPorts: [],
    labels: {},
    stopSignal: '',
    health: null,
  },
};

export function record(
  config: Partial<ContainerConfig> = {},
  changes: Partial<ContainerRecord> = {},
): ContainerRecord {
  const spec = normalizeConfig({ image: 'busybox', ...config }, image);
  return {
    id,
    name: 'web',
    createdAtMs: 0,
    spec,
    ids: spec.userns === 'host' ? null : { base: 1_000_000, count: 65_536 },
    layers: ['layers/b/fs', 'layers/a/fs'],
    volumes: [],
    endpoints: [],
    ports: [],
    cgroupPath: `warren/${id}`,
    phase: 'created',
    run: null,
    lastExit: null,
    restartCount: 0,
    stoppedByUser: false,
    fence: 0n,
    ...changes,
  };
}

/** The input of a launch of `busybox sh` on a pure v2 host, changed by what a test is about. */
export function launchInput(
  config: Partial<ContainerConfig> = {},
  changes: Partial<LaunchInput> = {},
): LaunchInput {
  const path = `warren/${id}`;
  return {
    record: record(config),
    generation: 1,
    user: { uid: 0, gid: 0, groups: [], home: '/root' },
    cgroups: {
      make: [
        { hierarchy: 0, path: 'warren', own: false },
        { hierarchy: 0, path, own: true },
      ],
      remove: [{ hierarchy: 0, path }],
      writes: [{ hierarchy: 0, path, file: 'pids.max', value: '32' }],
      join: [{ hierarchy: 0, path }],
      owner: null,
      deviceProgram: null,
    },
    dataRoot: '/data',
    writableLayer: { upper: `containers/${id}/upper`, work: `containers/${id}/work` },
    devices: [],
    etcFiles: [{ source: `containers/${id}/hosts`, target: '/etc/hosts' }],
    logPath: `/data/containers/${id}/log/output.log`,
    facts: { version: 618, lastCapability: 40, architecture: 'x64', cgroupVersion: 'v2' },
    netlink: { launch: [], cleanup: [] },
    overlayStrategy: 'probe',
    healthPlan: null,
    ...changes,
  };
}
