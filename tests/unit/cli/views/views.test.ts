import { describe, expect, test } from 'vitest';
import { containerDocument } from '../../../../src/api/shape/container-inspect.js';
import { eventDocument } from '../../../../src/api/shape/event.js';
import { dockerTime } from '../../../../src/api/shape/time.js';
import { formatDocument, formatList } from '../../../../src/cli/render/format.js';
import { containerView } from '../../../../src/cli/views/container-row.js';
import { eventLine } from '../../../../src/cli/views/event-line.js';
import { imageView, namedImages } from '../../../../src/cli/views/image-row.js';
import { limitsTable } from '../../../../src/cli/views/limits-table.js';
import { withMapFields } from '../../../../src/cli/views/map-fields.js';
import { cpuPercent, statsView } from '../../../../src/cli/views/stats-row.js';
import type { ContainerInspection } from '../../../../src/engine/contract.js';
import type {
  ContainerId,
  ContainerRecord,
  ContainerState,
} from '../../../../src/model/container.js';
import type { ContainerEvent } from '../../../../src/model/events.js';
import type { Image } from '../../../../src/model/image.js';
import type { Endpoint, NetworkId } from '../../../../src/model/network/network.js';
import { normalizeConfig } from '../../../../src/model/normalize-config.js';
import type { ContainerStats } from '../../../../src/model/stats.js';
import { emptyImage } from '../../../fixtures/image.js';

const nowMs = Date.UTC(2026, 0, 2, 12);
const id = 'ab'.repeat(32) as ContainerId;

const image: Image = {
  ...emptyImage,
  id: `sha256:${'cd'.repeat(32)}`,
  references: ['busybox:latest', 'registry:5000/team/busybox:1'],
  createdAtMs: nowMs - 3 * 86_400_000,
  architecture: 'amd64',
  sizeBytes: 1_230_000,
  layers: ['layers/a/fs'],
};

const record: ContainerRecord = {
  id,
  name: 'web',
  createdAtMs: nowMs - 3_600_000,
  spec: normalizeConfig(
    {
      image: 'busybox',
      command: ['sh', '-c', 'while true; do sleep 1; done'],
      labels: { tier: 'front' },
      mounts: [{ type: 'volume', source: 'data', target: '/data' }],
      resources: { memoryBytes: 32 * 2 ** 20, cpus: 0.5 },
      restart: { name: 'always' },
      network: 'none',
    },
    image,
  ),
  ids: { base: 65_536, count: 65_536 },
  layers: image.layers,
  endpoints: [],
  ports: [],
  volumes: [{ target: '/data', name: 'data', anonymous: false }],
  cgroupPath: `warren/${id}`,
  phase: 'started',
  run: { keeper: 0, bootId: 'x', generation: 1, startedAtMs: nowMs - 180_000 },
  lastExit: null,
  restartCount: 0,
  stoppedByUser: false,
  fence: 1n,
};

const state: ContainerState = {
  status: 'running',
  pid: 4242,
  startedAtMs: nowMs - 180_000,
  lastExit: null,
  restartCount: 2,
  health: 'none',
  failingStreak: 0,
};

const inspection: ContainerInspection = {
  record,
  state,
  image,
  paths: { log: '/l', hosts: '/h', hostname: '/n', resolvConf: '/r', upper: '/u' },
  sizeBytes: null,
  healthLog: [],
};

describe('ps', () => {
  const view = containerView({ nowMs, truncate: true });

  test('shows the columns of docker', () => {
    expect(formatList(view, [{ record, state }])).toEqual([
      'CONTAINER ID   IMAGE     COMMAND                  CREATED             STATUS         PORTS     NAMES',
      'abababababab   busybox   "sh -c while true; d…"   About an hour ago   Up 3 minutes             web',
    ]);
  });

  test('knows the fields of docker', () => {
    const format =
      '{{.Names}}|{{.State}}|{{.Labels}}|{{.Label "tier"}}|{{.Mounts}}|{{.Networks}}|{{.CreatedAt}}';
    expect(formatList(view, [{ record, state }], format)).toEqual([
      'web|running|tier=front|front|data|none|2026-01-02 11:00:00 +0000 UTC',
    ]);
  });

  test('shows every network that a container is on, by its name', () => {
    const endpoint = (network: string, index: number): Endpoint => ({
      network: network as NetworkId,
      slot: index,
      index,
      ipv4: null,
      ipv6: null,
      mac: '',
      aliases: [],
      links: [],
    });
    const connected = { ...record, endpoints: [endpoint('n1', 0), endpoint('n2', 1)] };
    const networks = new Map([
      ['n1', 'front'],
      ['n2', 'back'],
    ]);
    const view = containerView({ nowMs, truncate: true, networks });
    expect(formatList(view, [{ record: connected, state }], '{{.Networks}}')).toEqual([
      'front,back',
    ]);
  });

  test('shows sizes when they are known', () => {
    const sizes = new Map([[String(id), { writableBytes: 1000, imageBytes: 1_230_000 }]]);
    expect(
      formatList(containerView({ nowMs, truncate: true, sizes }), [{ record, state }], '{{.Size}}'),
    ).toEqual(['1kB (virtual 1.23MB)']);
  });
});

describe('inspect', () => {
  const document = containerDocument(inspection, {
    volumePaths: new Map([['data', '/volumes/data/_data']]),
    networks: [],
  });

  test('has the shape of docker', () => {
    expect(document).toMatchObject({
      Id: id,
      Name: '/web',
      Path: 'sh',
      Args: ['-c', 'while true; do sleep 1; done'],
      State: {
        Status: 'running',
        Running: true,
        Paused: false,
        Pid: 4242,
        ExitCode: 0,
        OOMKilled: false,
        FinishedAt: '0001-01-01T00:00:00Z',
      },
      RestartCount: 2,
      HostConfig: {
        Memory: 32 * 2 ** 20,
        NanoCpus: 5e8,
        RestartPolicy: { Name: 'always', MaximumRetryCount: 0 },
        NetworkMode: 'none',
      },
      Config: {
        Image: 'busybox',
        Labels: { tier: 'front' },
        Hostname: 'abababababab',
        StopSignal: 'SIGTERM',
      },
      Mounts: [
        {
          Type: 'volume',
          Name: 'data',
          Source: '/volumes/data/_data',
          Destination: '/data',
          RW: true,
        },
      ],
    });
  });

  test.each([
    ['{{.State.Status}} {{.State.Pid}}', 'running 4242'],
    ['{{if .State.Health}}{{.State.Health.Status}}{{else}}no check{{end}}', 'no check'],
    ['{{index .Config.Labels "tier"}}{{.Config.Labels.none}}', 'front<no value>'],
    ['{{range .Mounts}}{{.Type}}:{{.Destination}}{{end}}', 'volume:/data'],
    ['{{json .NetworkSettings.Ports}}', '{}'],
  ])('%s gives %s', (format, text) => {
    expect(formatDocument(withMapFields(document), format)).toBe(text);
  });

  test('says so when the end of a container was not seen', () => {
    const lastExit = {
      code: null,
      signal: null,
      oomKilled: false,
      reason: 'own',
      startedAtMs: 0,
      finishedAtMs: 0,
      usage: { userUs: 0, systemUs: 0, maxRssBytes: 0 },
    } as const;
    const gone = containerDocument(
      { ...inspection, state: { ...state, status: 'exited', pid: 0, lastExit } },
      { volumePaths: new Map(), networks: [] },
    );
    expect(gone).toMatchObject({
      State: { Running: false, ExitCode: 255, Error: 'The end was not seen: exit code unknown' },
    });
  });
});

test('times have nanoseconds', () => {
  expect(dockerTime(1_700_000_000_123.456)).toBe('2023-11-14T22:13:20.123456055Z');
  expect(dockerTime(1_700_000_000_000)).toBe('2023-11-14T22:13:20.000000000Z');
});

describe('events', () => {
  const event: ContainerEvent = {
    type: 'container',
    action: 'die',
    timeMs: 1_700_000_000_000,
    id,
    name: 'web',
    image: 'busybox',
    labels: { tier: 'front' },
    exit: {
      code: 3,
      signal: null,
      oomKilled: false,
      reason: 'own',
      startedAtMs: 0,
      finishedAtMs: 0,
      usage: { userUs: 0, systemUs: 0, maxRssBytes: 0 },
    },
  };

  test('are lines as docker writes them', () => {
    expect(eventLine(event)).toBe(
      `2023-11-14T22:13:20.000000000Z container die ${id} (exitCode=3, image=busybox, name=web, reason=own, tier=front)`,
    );
  });

  test('are objects as docker sends them', () => {
    expect(eventDocument(event)).toMatchObject({
      status: 'die',
      Type: 'container',
      Actor: { ID: id, Attributes: { exitCode: '3' } },
      time: 1_700_000_000,
    });
  });
});

test('images have a line for each name', () => {
  const view = imageView({ nowMs, truncate: true });
  expect(
    formatList(
      view,
      namedImages([image]),
      '{{.Repository}} {{.Tag}} {{.ID}} {{.CreatedSince}} {{.Size}}',
    ),
  ).toEqual([
    'busybox latest cdcdcdcdcdcd 3 days ago 1.23MB',
    'registry:5000/team/busybox 1 cdcdcdcdcdcd 3 days ago 1.23MB',
  ]);
  expect(
    formatList(view, namedImages([{ ...image, references: [] }]), '{{.Repository}}:{{.Tag}}'),
  ).toEqual(['<none>:<none>']);
});

test('images show the digest that the registry of each name knows', () => {
  const digest = `sha256:${'12'.repeat(32)}`;
  const pushed = { ...image, repoDigests: [`registry:5000/team/busybox@${digest}`] };
  const view = imageView({ nowMs, truncate: true, digests: true });
  const [heading, ...lines] = formatList(view, namedImages([pushed]), 'table');
  expect(heading).toMatch(/^REPOSITORY +TAG +DIGEST +IMAGE ID /);
  expect(lines[0]).toMatch(/^busybox +latest +<none> +cdcdcdcdcdcd /);
  expect(lines[1]).toContain(` ${digest} `);
});

function reading(readAtMs: number, usageUs: number): ContainerStats {
  return {
    id,
    name: 'web',
    readAtMs,
    cpu: { usageUs, userUs: 0, systemUs: 0, periods: 0, throttledPeriods: 0, throttledUs: 0 },
    memory: {
      usageBytes: 20 * 2 ** 20,
      maxUsageBytes: null,
      limitBytes: 32 * 2 ** 20,
      cacheBytes: 4 * 2 ** 20,
      rssBytes: 0,
      swapBytes: null,
      failCount: 0,
      oomKills: 0,
    },
    pids: { current: 3, limit: 32 },
    io: [{ device: '8:0', readBytes: 1000, writeBytes: 2_000_000, reads: 1, writes: 1 }],
    pressure: { cpu: null, memory: null, io: null },
    networks: null,
  };
}

describe('stats', () => {
  test('make CPU use of two readings', () => {
    expect(cpuPercent({ previous: reading(0, 0), current: reading(1000, 500_000) })).toBe(50);
    expect(cpuPercent({ previous: undefined, current: reading(1000, 1) })).toBeUndefined();
  });

  test('show memory without the file cache', () => {
    const view = statsView({ hostMemoryBytes: 2 ** 30, truncate: true });
    const sample = { previous: reading(0, 0), current: reading(1000, 100_000) };
    const format = '{{.Name}} {{.CPUPerc}} {{.MemUsage}} {{.MemPerc}} {{.BlockIO}} {{.PIDs}}';
    expect(formatList(view, [sample], format)).toEqual([
      'web 10.00% 16MiB / 32MiB 50.00% 1kB / 2MB 3',
    ]);
  });

  test('show dashes for what the kernel does not tell', () => {
    const view = statsView({ hostMemoryBytes: 2 ** 30, truncate: true });
    const current = { ...reading(0, 0), cpu: null, memory: null, pids: null, io: null };
    expect(
      formatList(
        view,
        [{ previous: undefined, current }],
        '{{.CPUPerc}} {{.MemUsage}} {{.BlockIO}} {{.PIDs}}',
      ),
    ).toEqual(['-- -- -- --']);
  });
});

test('limits show what is held, the most, the limit and the hits, and mark what was hit', () => {
  const accounts = [
    {
      resource: 'memory',
      unit: 'bytes',
      held: 2 ** 20,
      maximum: 2 ** 25,
      limit: 2 ** 25,
      timesHit: 7,
    },
    { resource: 'pids', unit: 'count', held: 1, maximum: null, limit: null, timesHit: 0 },
  ] as const;
  const lines = limitsTable([{ id, name: 'web', accounts }], {
    raw: false,
    paint: (line) => `>${line}`,
  });
  expect(lines).toEqual([
    'CONTAINER  RESOURCE  HELD  MAXIMUM      LIMIT  HIT',
    '>web        memory    1MiB    32MiB      32MiB    7',
    '           pids         1        -  unlimited    0',
  ]);
});
