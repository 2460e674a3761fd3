import type { CommandContext } from '../../context.js';
import { exitCodes } from '../../exit-code.js';
import { choice } from '../../parse/value/choice.js';
import { argumentList, defineCommand, type CommandDefinition } from '../../program/definition.js';
import { value } from '../../program/option.js';
import { reportError } from '../../report-error.js';

type Condition = 'not-running' | 'next-exit' | 'removed';

/** Prints the exit code of one container; false when that failed. */
async function waitFor(
  context: CommandContext,
  reference: string,
  condition: Condition,
): Promise<boolean> {
  try {
    const engine = await context.engine();
    const container = await engine.get(reference);
    const { code, signal } = await container.wait({ condition, signal: context.signal });
    if (context.output.json) context.output.object({ reference, id: container.id, code, signal });
    else context.output.line(code === null ? 'unknown' : String(code));
    return true;
  } catch (error) {
    if (context.signal.aborted) throw error;
    reportError(context.output, error);
    return false;
  }
}

export const command: CommandDefinition = defineCommand({
  description:
    'Waits until containers stop and prints the exit code of each, in the order of the arguments. An end that nobody saw (a crash of the host) is printed as unknown.',
  arguments: [argumentList('CONTAINER', { required: true, complete: 'container' })],
  options: {
    condition: value('--condition <condition>', 'not-running, next-exit or removed', {
      parse: choice('not-running', 'next-exit', 'removed'),
      complete: ['not-running', 'next-exit', 'removed'],
      defaultText: 'not-running',
    }),
  },
  examples: [{ command: 'warren wait job', what: 'Wait for a container and print its exit code' }],
  run: async (context, { args, options: flags }) => {
    let succeeded = true;
    for (const reference of args) {
      succeeded =
        (await waitFor(context, reference, flags.condition ?? 'not-running')) && succeeded;
    }
    return succeeded ? exitCodes.ok : exitCodes.failure;
  },
});
