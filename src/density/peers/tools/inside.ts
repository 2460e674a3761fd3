import { nativeProgramPath } from '../../../host/native-path.js';

/** Where a program of a peer runs (src/density/control/inside.c). */
export interface Inside {
  /** Name below every hierarchy's root. */
  readonly cgroup: string;
  /** Whose mount and network namespace it enters; 0: it stays in the host's. */
  readonly pid: number;
}

/** The words of a command that becomes `command` there, without a process of its own between. */
export function insideWords(
  { cgroup, pid }: Inside,
  command: readonly string[],
): readonly [string, ...string[]] {
  return [nativeProgramPath('warren-inside'), cgroup, `${pid}`, ...command];
}
