import { run } from '../src/host/linux/run.js';
import type { Host, RunOptions, RunResult } from '../src/host/port.js';

/** `run` of the host port and nothing else, for tests below the keeper. */
export const programRunner: Pick<Host, 'run'> & { readonly started: string[][] } = {
  started: [],
  async run(
    command: string,
    args: readonly string[],
    options: RunOptions = {},
  ): Promise<RunResult> {
    programRunner.started.push([command, ...args]);
    return await run(command, args, options);
  },
};
