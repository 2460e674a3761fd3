import type { LaunchTrace } from '../contract.js';

const nanosecondsPerMs = 1e6;
const keeperSteps = ['keeper before', 'keeper clone', 'keeper after', 'keeper exec'];

/** Collects the steps of one launch, in ms since the last one. */
export class LaunchTracer {
  readonly #id: string;
  readonly #emit: (trace: LaunchTrace) => void;
  readonly #steps: { readonly name: string; readonly ms: number }[] = [];
  #last = performance.now();

  constructor(id: string, emit: (trace: LaunchTrace) => void) {
    this.#id = id;
    this.#emit = emit;
  }

  step(name: string): void {
    const now = performance.now();
    this.#steps.push({ name, ms: now - this.#last });
    this.#last = now;
  }

  /** The round trip, and what the keeper says about its parts. */
  keeper(phaseTimesNs: readonly number[]): void {
    this.step('keeper');
    keeperSteps.forEach((name, index) => {
      this.#steps.push({ name, ms: (phaseTimesNs[index] ?? 0) / nanosecondsPerMs });
    });
  }

  end(): void {
    this.#emit({ id: this.#id, steps: this.#steps });
  }
}
