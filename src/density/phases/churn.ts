import { setTimeout as delay } from 'node:timers/promises';
import { throwIfAborted } from '../../base/abort.js';
import type { ContainerHandle } from '../../engine/contract.js';
import { Recorder, type Distribution } from '../figures/histogram.js';
import { configOf } from '../scenario.js';
import { announce, type Session } from '../session.js';

/** One pattern of arrivals at a constant population. */
export interface ChurnFigures {
  readonly arrivals: 'constant' | 'poisson';
  readonly askedPerSecond: number;
  readonly donePerSecond: number;
  readonly elapsedMs: number;
  readonly done: number;
  readonly failed: number;
  /** From the time at which an arrival was due to the answer of its launch: waiting counts. */
  readonly latency: Distribution;
  /** Arrivals under way at one time, at most. */
  readonly mostUnderWay: number;
  /** True: arrivals came faster than they were served, and the phase was cut short. */
  readonly saturated: boolean;
}

/** So many under way mean that the queue only grows. */
const saturatedAt = 1000;
const lookEveryMs = 250;

/** Both patterns, half of the time each. */
export async function churn(session: Session, perSecond: number): Promise<readonly ChurnFigures[]> {
  const ms = (session.scenario.churnMs ?? 0) / 2;
  return [
    await new Churn(session, { arrivals: 'constant', perSecond, ms }).run(),
    await new Churn(session, { arrivals: 'poisson', perSecond, ms }).run(),
  ];
}

interface Pattern {
  readonly arrivals: ChurnFigures['arrivals'];
  readonly perSecond: number;
  readonly ms: number;
}

/** Each arrival replaces the oldest container by a new one. Arrivals keep their times whatever the answers do. */
class Churn {
  readonly #session: Session;
  readonly #pattern: Pattern;
  readonly #latency = new Recorder();
  #underWay = 0;
  #mostUnderWay = 0;
  #failed = 0;
  #saturated = false;

  constructor(session: Session, pattern: Pattern) {
    this.#session = session;
    this.#pattern = pattern;
  }

  async run(): Promise<ChurnFigures> {
    const { arrivals, perSecond } = this.#pattern;
    const start = performance.now();
    const progress = setInterval(() => this.#tell(), lookEveryMs);
    const pending: Promise<void>[] = [];
    try {
      await this.#arrive(start, pending);
    } finally {
      clearInterval(progress);
      await Promise.all(pending);
    }
    throwIfAborted(this.#session.signal, 'churn');
    const elapsedMs = performance.now() - start;
    return {
      arrivals,
      askedPerSecond: perSecond,
      donePerSecond: (this.#latency.samples / elapsedMs) * 1000,
      elapsedMs,
      done: this.#latency.samples,
      failed: this.#failed,
      latency: this.#latency.distribution,
      mostUnderWay: this.#mostUnderWay,
      saturated: this.#saturated,
    };
  }

  async #arrive(start: number, pending: Promise<void>[]): Promise<void> {
    const { ms } = this.#pattern;
    let due = start + this.#gapMs();
    while (due - start < ms && !this.#session.signal.aborted) {
      const early = due - performance.now();
      if (early > 1) await delay(early);
      if (this.#underWay >= saturatedAt) {
        this.#saturated = true;
        return;
      }
      const oldest = this.#session.containers.shift();
      if (oldest === undefined) return;
      pending.push(this.#replace(oldest, due));
      due += this.#gapMs();
    }
  }

  /** Of a Poisson process the gaps are exponentially distributed. */
  #gapMs(): number {
    const mean = 1000 / this.#pattern.perSecond;
    return this.#pattern.arrivals === 'constant' ? mean : -Math.log(1 - Math.random()) * mean;
  }

  async #replace(oldest: ContainerHandle, due: number): Promise<void> {
    const { engine, scenario, containers } = this.#session;
    this.#underWay += 1;
    this.#mostUnderWay = Math.max(this.#mostUnderWay, this.#underWay);
    const [removed] = await engine.containers.remove([oldest.id], { force: true });
    if (removed?.ok !== true) this.#failed += 1;
    const [started] = await engine.runMany(configOf(scenario), 1);
    if (started?.ok === true) {
      containers.push(started.value);
      this.#latency.record(performance.now() - due);
    } else {
      this.#failed += 1;
    }
    this.#underWay -= 1;
  }

  #tell(): void {
    const { arrivals, perSecond } = this.#pattern;
    const p99 = this.#latency.quantileMs(0.99).toFixed(1);
    const detail = `${arrivals} arrivals at ${perSecond.toFixed(0)}/s, ${this.#latency.samples} done, p99 ${p99} ms, ${this.#underWay} under way`;
    announce(this.#session, 'churn', detail);
  }
}
