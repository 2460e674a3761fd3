import { setTimeout as delay } from 'node:timers/promises';
import { LinkedAbort, throwIfAborted } from '../../base/abort.js';
import { isWarrenError, type WarrenError } from '../../base/errors.js';
import type { BatchResult, ContainerHandle, LaunchTrace } from '../../engine/contract.js';
import { Recorder, type Distribution } from '../figures/histogram.js';
import { throughputOf, type Throughput } from '../figures/throughput.js';
import { headroomOf } from '../host/headroom.js';
import { configOf } from '../scenario.js';
import type { Session } from '../session.js';

export interface RampFigures extends Throughput {
  readonly asked: number;
  readonly failed: number;
  /** The first few errors. */
  readonly failures: readonly string[];
  /** Why fewer were launched than asked for; null: all were. */
  readonly stoppedBy: string | null;
  /** What one launch is: from where to where `each` and `series` count. */
  readonly clock: string;
  readonly each: Distribution;
  /** ms of the k-th launch, in the order in which they were done. */
  readonly series: readonly number[];
  /** Where the keeper's part of a launch goes. */
  readonly steps: Readonly<Record<string, Distribution>>;
  /** CPU time of this process for a launch. */
  readonly nodeCpuMs: number;
}

const clocks = {
  batch: 'first cgroup to execve, as the keeper’s worker times it',
  closed: 'library call to its answer, which comes after execve; one at a time',
  open: 'scheduled time to the answer, which comes after execve',
} as const;

const keeperStep = /^keeper ./;
const microsecondsPerMs = 1000;
const failuresShown = 5;
const lookEveryMs = 100;
/** Launched by one call; after each the run looks at what failed. */
const largestStep = 2500;
/** More of them, and something stands in the way. */
const toleratedFailures = 0.01;

/** Grows the population in steps. One object for the whole ramp, so that its figures cover all of it. */
export class Ramp {
  readonly #session: Session;
  readonly #each = new Recorder();
  readonly #series: number[] = [];
  readonly #steps = new Map<string, Recorder>();
  readonly #failures: WarrenError[] = [];
  readonly #asked: number;
  #elapsedMs = 0;
  #cpuUs = 0;
  #stoppedBy: string | null = null;

  constructor(session: Session) {
    this.#session = session;
    this.#asked = session.scenario.count;
  }

  get stoppedBy(): string | null {
    return this.#stoppedBy;
  }

  /** Launches until `count` are alive, or the reserve is reached. The user's signal throws canceled. */
  async growTo(count: number): Promise<void> {
    const { containers, signal } = this.#session;
    while (containers.length < count && this.#stoppedBy === null) {
      const before = containers.length;
      const wanted = Math.min(largestStep, count - before);
      const failedBefore = this.#failures.length;
      await this.#launchTimed(wanted);
      throwIfAborted(signal, 'launch all containers');
      const failed = this.#failures.length - failedBefore;
      if (failed > wanted * toleratedFailures || containers.length === before) {
        this.#stoppedBy ??= `${failed} of ${wanted} launches failed: ${this.#failures.at(-1)?.message ?? 'unknown'}`;
      }
      // A few failures are told, not made up for: the population stays smaller.
      if (failed > 0) return;
    }
  }

  async #launchTimed(wanted: number): Promise<void> {
    const { signal } = this.#session;
    using reserve = new LinkedAbort(signal);
    const watch = this.#watch(reserve);
    const start = performance.now();
    const cpu = process.cpuUsage();
    this.#session.onLaunch = (trace) => this.#note(trace);
    try {
      this.#collect(await this.#launch(wanted, reserve.signal));
    } finally {
      clearInterval(watch);
      this.#session.onLaunch = undefined;
    }
    this.#elapsedMs += performance.now() - start;
    const used = process.cpuUsage(cpu);
    this.#cpuUs += used.user + used.system;
  }

  get figures(): RampFigures {
    const count = this.#session.containers.length;
    const steps = [...this.#steps].map(([name, recorder]) => [name, recorder.distribution]);
    return {
      ...throughputOf(count, this.#elapsedMs),
      asked: this.#asked,
      failed: this.#failures.length,
      failures: [...new Set(this.#failures.map(({ message }) => message))].slice(0, failuresShown),
      stoppedBy: this.#stoppedBy,
      clock: clocks[this.#session.scenario.arrival.kind],
      each: this.#each.distribution,
      series: this.#series,
      steps: Object.fromEntries(steps) as Readonly<Record<string, Distribution>>,
      nodeCpuMs: this.#cpuUs / microsecondsPerMs / Math.max(1, count),
    };
  }

  #launch(wanted: number, signal: AbortSignal): Promise<readonly BatchResult<ContainerHandle>[]> {
    const { engine, scenario } = this.#session;
    const config = configOf(scenario);
    switch (scenario.arrival.kind) {
      case 'batch':
        return engine.runMany(config, wanted, { signal });
      case 'closed':
        return this.#oneByOne(wanted, signal);
      case 'open':
        return this.#atRate({ wanted, perSecond: scenario.arrival.perSecond }, signal);
    }
  }

  async #oneByOne(
    wanted: number,
    signal: AbortSignal,
  ): Promise<readonly BatchResult<ContainerHandle>[]> {
    const results: BatchResult<ContainerHandle>[] = [];
    while (results.length < wanted && !signal.aborted) {
      results.push(await this.#single(performance.now(), signal));
    }
    return results;
  }

  async #atRate(
    { wanted, perSecond }: { readonly wanted: number; readonly perSecond: number },
    signal: AbortSignal,
  ): Promise<readonly BatchResult<ContainerHandle>[]> {
    const start = performance.now();
    const pending: Promise<BatchResult<ContainerHandle>>[] = [];
    for (let index = 0; index < wanted && !signal.aborted; index += 1) {
      const due = start + (index / perSecond) * 1000;
      const early = due - performance.now();
      if (early > 1) await delay(early);
      pending.push(this.#single(due, signal));
    }
    return await Promise.all(pending);
  }

  async #single(sinceMs: number, signal: AbortSignal): Promise<BatchResult<ContainerHandle>> {
    const { engine, scenario } = this.#session;
    const [result] = await engine.runMany(configOf(scenario), 1, { signal });
    if (result === undefined) throw new Error('A batch of one has no result');
    if (result.ok) this.#record(performance.now() - sinceMs);
    return result;
  }

  #collect(results: readonly BatchResult<ContainerHandle>[]): void {
    for (const result of results) {
      if (result.ok) this.#session.containers.push(result.value);
      else if (!isWarrenError(result.error, 'canceled')) this.#failures.push(result.error);
    }
  }

  #record(ms: number): void {
    this.#each.record(ms);
    this.#series.push(ms);
  }

  /** The keeper's part of one launch. */
  #note({ steps }: LaunchTrace): void {
    let total = 0;
    for (const { name, ms } of steps) {
      let recorder = this.#steps.get(name);
      if (recorder === undefined) this.#steps.set(name, (recorder = new Recorder()));
      recorder.record(ms);
      if (keeperStep.test(name)) total += ms;
    }
    if (this.#session.scenario.arrival.kind === 'batch') this.#record(total);
  }

  /** Tells how far it is, and stops before the host has no memory left. */
  #watch(reserve: AbortController): NodeJS.Timeout {
    const { scenario, onProgress } = this.#session;
    const start = performance.now();
    const before = this.#series.length;
    return setInterval(() => {
      const containers = this.#series.length;
      const left = headroomOf({ containers, superblocks: scenario.superblocks });
      const rate = ((containers - before) / (performance.now() - start)) * 1000;
      onProgress({
        kind: 'step',
        name: 'ramp',
        detail:
          `${containers} of ${scenario.count}, ${rate.toFixed(0)}/s, ` +
          `p50 ${this.#each.quantileMs(0.5).toFixed(2)} ms, p99 ${this.#each.quantileMs(0.99).toFixed(2)} ms, ` +
          `${(left.bytes / 2 ** 30).toFixed(1)} GiB ${left.counted}`,
      });
      if (left.bytes < scenario.reserveBytes && this.#stoppedBy === null) {
        const reserved = `the reserve of ${(scenario.reserveBytes / 2 ** 30).toFixed(1)} GiB`;
        this.#stoppedBy =
          left.counted === 'free'
            ? `${reserved} was reached: with so many containers only free memory counts, as reclaiming any would stop the host`
            : `${reserved} was reached`;
        reserve.abort(new Error('The memory reserve is reached'));
      }
    }, lookEveryMs);
  }
}
