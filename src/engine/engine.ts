import type { EngineApi, EngineOptions } from './contract.js';

/** The engine of one data root. `await using engine = await Engine.open()`. */
export abstract class Engine {
  /** Opens a data root and makes it when it is missing. */
  static async open(options: EngineOptions = {}): Promise<EngineApi> {
    throw new Error(`Not available yet for ${options.dataRoot ?? 'the default data root'}`);
  }
}
