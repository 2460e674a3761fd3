import { nativeProgramPath } from '../../host/native-path.js';
import { runProgram } from '../peers/tools/program.js';

/**
 * Answers to requests of warren-look (src/density/control/look.c), in order. One process enters the namespaces of all containers,
 * one after the other: what is measured is the container, not the start of a program.
 */
export async function look(
  requests: readonly string[],
  signal?: AbortSignal,
): Promise<readonly string[]> {
  if (requests.length === 0) return [];
  const { stdout } = await runProgram(nativeProgramPath('warren-look'), [], {
    input: `${requests.join('\n')}\n`,
    ...(signal === undefined ? {} : { signal }),
  });
  return stdout.trimEnd().split('\n');
}
