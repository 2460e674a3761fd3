import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { scopeCommand } from '../systemd-scope.js';
import type { RunResult } from '../port.js';
import { parseHierarchies } from './cgroup-hierarchies.js';

/** What sd_booted(3) looks for; and process 1 is systemd, so that a container with the host's `/run` does not count. */
export function systemdRuns(root = '/'): boolean {
  return (
    existsSync(join(root, 'run/systemd/system')) &&
    readFileSync(join(root, 'proc/1/comm'), 'utf8').trim() === 'systemd'
  );
}

const lookAgainMs = 50;
const maximumTries = 100;

export interface ScopedStart {
  readonly unit: string;
  /** The scope's group in the unified hierarchy, as a directory. */
  readonly group: string;
  /** The program and its arguments; `--leave-scope` is added when it is the scope's first process. */
  readonly command: readonly string[];
  readonly run: (command: readonly string[]) => Promise<RunResult>;
}

/** Processes are in it or below it: as long as they are, systemd leaves it alone. */
function isPopulated(group: string): boolean {
  const events = join(group, 'cgroup.events');
  return existsSync(events) && /^populated 1$/m.test(readFileSync(events, 'utf8'));
}

/**
 * Whether processes live in a group at the top of the unified hierarchy. Versions before scopes had theirs there: an engine
 * whose keeper is of one stays with it until it ends, so that all of an engine lies below one parent.
 */
export function livesAtTheTop(name: string): boolean {
  const [unified] = parseHierarchies(readFileSync('/proc/self/mountinfo', 'utf8'), '');
  const mountPoint = unified?.mountPoint ?? '';
  return mountPoint !== '' && isPopulated(join(mountPoint, name));
}

/** When another one makes the scope at the same moment, systemd-run says so, or fails without a word; the keeper's program always says why. */
function isTaken({ code, stderr }: RunResult): boolean {
  return code !== 0 && (stderr.trim() === '' || /\balready\b/.test(stderr));
}

/**
 * Runs a command that puts processes into a scope, which is made first when it does not live. Of several at the same time one makes
 * it; the others wait until it has its process.
 */
export async function runInScope(start: ScopedStart): Promise<RunResult> {
  for (let tries = 1; ; tries += 1) {
    if (isPopulated(start.group)) return await start.run(start.command);
    const result = await start.run(scopeCommand(start.unit, [...start.command, '--leave-scope']));
    if (!isTaken(result) || tries === maximumTries) return result;
    await delay(lookAgainMs);
  }
}
