import { formatSize } from '../../base/units.js';
import type { OnProgress, ProgressEvent } from '../../model/events.js';
import { shortDuration } from './duration.js';
import { isSettled, layerLine, type LayerProgress } from './layer-lines.js';
import { printable } from './printable.js';

/** Nothing is shown before this: most calls end sooner. */
const quietMs = 1000;
/** Between two redraws of a terminal's line. */
const redrawMs = 100;
/** Between two lines where there is no terminal. */
const lineEveryMs = 5000;
/** Of a terminal: images with more layers show the last ones. */
const maximumLayerLines = 16;

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
 * Draws progress on stderr: a line that is redrawn on a terminal, with one for each layer on its way, else a line every few seconds
 * and one for each layer that is done. Calls shorter than a second show nothing but that. Ends with `[Symbol.dispose]`, which
 * clears the lines.
 */
export class Progress {
  readonly #target: ProgressTarget;
  readonly #startedAtMs = performance.now();
  #lastMs: number;
  #latest: Shown | undefined;
  #drawnLines = 0;
  readonly #layers = new Map<string, LayerProgress>();
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
    if (event.kind === 'layer') this.#reportLayer(event);
    else this.#latest = event;
  };

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    this.#clear();
  }

  #reportLayer(event: LayerProgress): void {
    const before = this.#layers.get(event.id);
    this.#layers.set(event.id, event);
    if (this.#target.isTerminal || !isSettled(event)) return;
    if (before?.status === event.status) return;
    this.#target.write(`${printable(layerLine(event, bar))}\n`);
  }

  #tick(): void {
    const nowMs = performance.now();
    if (nowMs - this.#startedAtMs < quietMs) return;
    const time = `(${shortDuration(nowMs - this.#startedAtMs)})`;
    const latest = this.#latest === undefined ? [] : [`${progressText(this.#latest)} ${time}`];
    if (this.#target.isTerminal) {
      const layers = [...this.#layers.values()].slice(-maximumLayerLines);
      this.#draw([...latest, ...layers.map((event) => layerLine(event, bar))]);
    } else if (latest.length > 0 && nowMs - this.#lastMs >= lineEveryMs) {
      this.#lastMs = nowMs;
      this.#target.write(`${printable(latest.join(''))}\n`);
    }
  }

  #draw(lines: readonly string[]): void {
    if (lines.length === 0) return;
    const width = Math.max(this.#target.columns - 1, 20);
    this.#clear();
    this.#target.write(`\r${lines.map((line) => printable(line).slice(0, width)).join('\n')}`);
    this.#drawnLines = lines.length;
  }

  #clear(): void {
    if (this.#drawnLines === 0) return;
    this.#target.write(`\r\u001b[2K${'\u001b[1A\u001b[2K'.repeat(this.#drawnLines - 1)}`);
    this.#drawnLines = 0;
  }
}
