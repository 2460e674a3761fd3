import type { EngineApi, EngineOptions, LaunchTrace } from '../engine/contract.js';
import type { GlobalOptions } from './options/global.js';
import type { Output } from './output.js';
import type { Progress } from './render/progress.js';
import type { Signals } from './signals.js';

/** What a command gets besides its arguments. */
export interface CommandContext {
  readonly globals: GlobalOptions;
  readonly output: Output;
  readonly signals: Signals;
  /** Fires when the user ends the program. */
  readonly signal: AbortSignal;
  /** Opened at the first call, closed by the program. */
  engine(): Promise<EngineApi>;
  /** Progress of a call on stderr, for as long as the callback runs. */
  withProgress<T>(work: (progress: Progress) => Promise<T>): Promise<T>;
}

/** The engine that the global flags choose. */
export function engineOptionsOf({
  dataRoot,
  runDir,
  cgroupParent,
  logLevel,
}: GlobalOptions): EngineOptions {
  return {
    ...(dataRoot === undefined ? {} : { dataRoot }),
    ...(runDir === undefined ? {} : { runDir }),
    ...(cgroupParent === undefined ? {} : { cgroupParent }),
    ...(logLevel === undefined ? {} : { logLevel }),
  };
}

function printTrace(output: Output, trace: LaunchTrace): void {
  const steps = trace.steps.map(({ name, ms }) => `${name} ${ms.toFixed(2)}`).join('  ');
  output.note(`trace ${trace.id.slice(0, 12)}  ${steps}  (ms)`);
}

/** The context of one run of the program. Dispose it to close the engine. */
export class ProgramContext implements CommandContext, AsyncDisposable {
  readonly globals: GlobalOptions;
  readonly output: Output;
  readonly signals: Signals;
  #engine: Promise<EngineApi> | undefined;

  constructor(parts: {
    readonly globals: GlobalOptions;
    readonly output: Output;
    readonly signals: Signals;
  }) {
    this.globals = parts.globals;
    this.output = parts.output;
    this.signals = parts.signals;
  }

  get signal(): AbortSignal {
    return this.signals.signal;
  }

  engine(): Promise<EngineApi> {
    this.#engine ??= this.#open();
    return this.#engine;
  }

  async withProgress<T>(work: (progress: Progress) => Promise<T>): Promise<T> {
    const { Progress: Drawing } = await import('./render/progress.js');
    using progress = new Drawing(this.output.progressTarget);
    return await work(progress);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#engine === undefined) return;
    const engine = await this.#engine.catch(() => undefined);
    await engine?.close();
  }

  async #open(): Promise<EngineApi> {
    const { Engine } = await import('../engine/engine.js');
    const traced = (process.env['WARREN_TRACE'] ?? '') !== '';
    return Engine.open({
      ...engineOptionsOf(this.globals),
      ...(traced ? { onTrace: (trace: LaunchTrace) => printTrace(this.output, trace) } : {}),
    });
  }
}
