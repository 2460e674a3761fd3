import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { formatMemory } from '../../../base/units.js';
import type {
  BatchResult,
  ContainerHandle,
  EngineApi,
  EngineOptions,
} from '../../../engine/contract.js';
import type { ContainerConfig } from '../../../model/container-config.js';
import type { CommandContext } from '../../context.js';
import { exitCodes } from '../../exit-code.js';
import { integer } from '../../parse/value/number.js';
import { defineCommand, type CommandDefinition } from '../../program/definition.js';
import { value } from '../../program/option.js';
import { reportFailures } from '../../report-error.js';

const mebibyte = 2 ** 20;

const limited: ContainerConfig = {
  image: 'tiny',
  network: 'none',
  name: 'demo',
  command: ['httpd'],
  resources: { memoryBytes: 32 * mebibyte, pidsLimit: 32, cpus: 0.2 },
};

/** What a step of the show needs. */
interface Stage {
  readonly context: CommandContext;
  readonly engine: EngineApi;
  readonly count: number;
}

function say({ context }: Stage, title: string, detail: string): void {
  const { output } = context;
  output.line(`${output.paint('bold', title.padEnd(26))} ${detail}`);
}

function perSecond(count: number, ms: number): string {
  return `${Math.round(ms)} ms (${Math.round((count / ms) * 1000)}/s)`;
}

async function timed<T>(work: () => Promise<T>): Promise<readonly [T, number]> {
  const startedMs = performance.now();
  const result = await work();
  return [result, performance.now() - startedMs];
}

/** What the built-in probe prints of itself, as far as it is shown. */
interface Probe {
  readonly pids: readonly number[];
  readonly uidMap: readonly string[];
}

async function single(stage: Stage): Promise<void> {
  const { engine, context } = stage;
  const { signal } = context;
  const start = (name: string): Promise<ContainerHandle> =>
    engine.run({ image: 'tiny', network: 'none', name }, { signal });
  const [, firstMs] = await timed(() => start('demo-first'));
  const [container, ms] = await timed(() => start('demo-second'));
  say(
    stage,
    'One container',
    `${ms.toFixed(1)} ms; the first one, with image and keeper to be made, ${firstMs.toFixed(0)} ms`,
  );
  const { pids, uidMap } = JSON.parse((await container.exec(['probe'])).stdout) as Probe;
  const { pid } = await container.state();
  const uid = uidMap[0]?.trim().split(/\s+/)[1] ?? 'unknown';
  say(
    stage,
    'What it sees',
    `${pids.length} processes, the first is pid 1 (${pid} here); its root is uid ${uid} here`,
  );
}

async function launchMany(stage: Stage): Promise<ContainerHandle[]> {
  const { engine, context, count } = stage;
  const [results, ms] = await timed(() =>
    context.withProgress(({ report }) =>
      engine.runMany(limited, count, { signal: context.signal, onProgress: report }),
    ),
  );
  reportFailures(context.output, results);
  const running = results.filter((result) => result.ok).map(({ value: handle }) => handle);
  say(
    stage,
    `${count} with limits`,
    `${running.length} run after ${perSecond(count, ms)}, each a web server with 32 MiB, 32 processes, 0.2 CPUs`,
  );
  return running;
}

/** A few of them, spread over the whole batch. */
function sample(containers: readonly ContainerHandle[]): ContainerHandle[] {
  const step = Math.max(1, Math.floor(containers.length / 5));
  return containers.filter((_, index) => index % step === 0).slice(0, 5);
}

async function useSome(stage: Stage, containers: readonly ContainerHandle[]): Promise<void> {
  const [names, ms] = await timed(async () => {
    const results = await Promise.all(
      sample(containers).map((container) => container.exec(['hostname'])),
    );
    return results.map(({ stdout }) => stdout.trim());
  });
  say(stage, 'exec hostname in five', `${names.join(' ')} (${Math.round(ms)} ms)`);
  const stats = await stage.engine.containers.stats();
  const bytes = stats.reduce((sum, { memory }) => sum + (memory?.usageBytes ?? 0), 0);
  const pids = stats.reduce((sum, item) => sum + (item.pids?.current ?? 0), 0);
  say(
    stage,
    'stats of all',
    `${formatMemory(bytes)} in their cgroups, ${formatMemory(bytes / Math.max(1, stats.length))} each, ${pids} processes`,
  );
}

async function hitTheLimit(stage: Stage): Promise<void> {
  const { engine, context } = stage;
  const eater = await engine.run(
    { ...limited, name: 'demo-eater', command: ['eat-memory', '256m'] },
    { signal: context.signal },
  );
  const exit = await eater.wait({ signal: context.signal });
  const fate = exit.oomKilled ? 'was killed by its limit of 32 MiB' : 'was not killed';
  say(stage, 'A memory eater', `${fate}: exit code ${exit.code ?? 'unknown'}`);
  await eater.remove({ force: true });
}

async function endAll(stage: Stage): Promise<void> {
  const { engine, context } = stage;
  const all = await engine.containers.list({ all: true });
  const ids = all.map(({ record }) => record.id);
  const [killed, killMs] = await timed(() => engine.containers.kill(ids));
  const [removed, removeMs] = await timed(() => engine.containers.remove(ids, { force: true }));
  const failures: readonly BatchResult[] = [...killed, ...removed].filter(({ ok }) => !ok);
  reportFailures(context.output, failures);
  say(
    stage,
    'kill and remove all',
    `killed in ${perSecond(ids.length, killMs)}, removed in ${perSecond(ids.length, removeMs)}`,
  );
}

async function provesClean(stage: Stage): Promise<boolean> {
  const leaks = await stage.engine.system.leaks({ fix: false });
  for (const { kind, object, why } of leaks)
    stage.context.output.note(`left: ${kind} ${object} (${why})`);
  say(
    stage,
    'Left behind',
    leaks.length === 0 ? 'nothing: no process, cgroup, mount or file' : `${leaks.length} objects`,
  );
  return leaks.length === 0;
}

async function show(stage: Stage): Promise<boolean> {
  await single(stage);
  const containers = await launchMany(stage);
  await useSome(stage, containers);
  await hitTheLimit(stage);
  await endAll(stage);
  return provesClean(stage);
}

/** An engine of its own, whose every trace goes with it. */
async function withOwnEngine(
  options: EngineOptions,
  work: (engine: EngineApi) => Promise<boolean>,
): Promise<boolean> {
  const { Engine } = await import('../../../engine/engine.js');
  const engine = await Engine.open(options);
  try {
    return await work(engine);
  } finally {
    await engine.system.shutdown({ force: true });
    await engine.close();
  }
}

export const command: CommandDefinition = defineCommand({
  description:
    'Launches a batch of real containers with limits in a data root of its own, runs commands in them, lets one run into its memory limit, kills and removes all, and proves that nothing is left.',
  arguments: [],
  options: {
    count: value('--count <number>', 'How many', {
      parse: integer({ min: 1, max: 20_000, example: '200' }),
      defaultText: '200',
    }),
  },
  examples: [{ command: 'warren demo --count 1000', what: 'A thousand containers' }],
  run: async (context, { options: flags }) => {
    const directory = mkdtempSync(join(tmpdir(), 'warren-demo-'));
    try {
      const clean = await withOwnEngine(
        {
          dataRoot: join(directory, 'data'),
          runDir: join(directory, 'run'),
          cgroupParent: `/warren-demo-${process.pid}`,
        },
        (engine) => show({ context, engine, count: flags.count ?? 200 }),
      );
      return clean ? exitCodes.ok : exitCodes.failure;
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  },
});
