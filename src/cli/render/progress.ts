import { formatSize } from '../../base/units.js';
import type { OnProgress, ProgressEvent } from '../../model/events.js';
import { shortDuration } from './duration.js';
import { printable } from './printable.js';

/** Nothing is shown before this: most calls end sooner. */
const quietMs = 1000;
/** Between two redraws of a terminal's line. */
const redrawMs = 100;
/** Between two lines where there is no terminal. */
const lineEveryMs = 5000;

export interface ProgressTarget {
  readonly isTerminal: boolean;
  readonly columns: number;
  write(text: string): void;
}

type Shown = Exclude<ProgressEvent, { readonly kind: 'warning' | 'layer' }>;

function bar(done: number, total: number): string {
  const cells = 20;
  const filled = total === 0 ? cells : Math.min(cells, Math.floor((done / total) * cells));
  return `[${'='.repeat(filled)}${' '.repeat(cells - filled)}]`;
}

/** One line for an event: `create [=====     ] 512/2,000`. */
export function progressText(event: Shown): string {
  switch (event.kind) {
    case 'step':
      return event.detail === '' ? event.name : `${event.name}: ${event.detail}`;
    case 'count':
      return `${event.name} ${bar(event.done, event.total)} ${event.done}/${event.total}`;
    case 'bytes': {
      const done = formatSize(event.done);
      if (event.total === null) return `${event.name} ${done}`;
      return `${event.name} ${bar(event.done, event.total)} ${done}/${formatSize(event.total)}`;
    }
  }
}

/**
 * Draws progress on stderr: one line that is redrawn on a terminal, else a line every few seconds.
 * Calls shorter than a second show nothing. Ends with `[Symbol.dispose]`, which clears the line.
 */
export class Progress {
  readonly #target: ProgressTarget;
  readonly #startedAtMs = performance.now();
  #lastMs: number;
  #latest: Shown | undefined;
  #drawn = false;
  readonly #timer: NodeJS.Timeout;

  constructor(target: ProgressTarget) {
    this.#target = target;
    this.#lastMs = this.#startedAtMs + quietMs - lineEveryMs;
    this.#timer = setInterval(() => this.#tick(), redrawMs);
    this.#timer.unref();
  }

  readonly report: OnProgress = (event) => {
    if (event.kind === 'warning') {
      this.#clear();
      this.#target.write(`warren: warning: ${printable(event.message)}\n`);
      return;
    }
    this.#latest = event;
  };

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    this.#clear();
  }

  #tick(): void {
    const nowMs = performance.now();
    if (this.#latest === undefined || nowMs - this.#startedAtMs < quietMs) return;
    const text = `${printable(progressText(this.#latest))} (${shortDuration(nowMs - this.#startedAtMs)})`;
    if (this.#target.isTerminal) {
      this.#target.write(`\r\u001b[2K${text.slice(0, Math.max(this.#target.columns - 1, 20))}`);
      this.#drawn = true;
    } else if (nowMs - this.#lastMs >= lineEveryMs) {
      this.#lastMs = nowMs;
      this.#target.write(`${text}\n`);
    }
  }

  #clear(): void {
    if (this.#drawn) this.#target.write('\r\u001b[2K');
    this.#drawn = false;
  }
}
