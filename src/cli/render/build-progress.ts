import type { BuildEvent } from '../../engine/build/contract.js';
import { printable } from './printable.js';

export interface BuildProgressTarget {
  line(text: string): void;
  readonly dim: (text: string) => string;
}

/** Lines about a build as it goes: steps, what was in the cache, and the output of RUN steps. */
export class BuildProgress {
  readonly #target: BuildProgressTarget;
  #rest = '';

  constructor(target: BuildProgressTarget) {
    this.#target = target;
  }

  readonly report = (event: BuildEvent): void => {
    switch (event.kind) {
      case 'step':
        this.#target.line(
          `#${event.step} [${event.stage} ${event.index}/${event.total}] ${printable(event.text)}`,
        );
        return;
      case 'cached':
        this.#target.line(this.#target.dim(`#${event.step} CACHED`));
        return;
      case 'output':
        this.#output(event.step, event.text);
        return;
      case 'done':
        this.#flush(event.step);
        this.#target.line(this.#target.dim(`#${event.step} DONE ${(event.ms / 1000).toFixed(1)}s`));
        return;
      case 'warning':
        this.#target.line(`warren: warning: ${printable(event.message)}`);
    }
  };

  #output(step: number, text: string): void {
    const lines = (this.#rest + text).split(/\r?\n|\r/);
    this.#rest = lines.pop() ?? '';
    for (const line of lines) this.#target.line(`#${step} ${printable(line)}`);
  }

  #flush(step: number): void {
    if (this.#rest !== '') this.#target.line(`#${step} ${printable(this.#rest)}`);
    this.#rest = '';
  }
}
