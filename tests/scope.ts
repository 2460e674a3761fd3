import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { randomBytes } from 'node:crypto';

/** Names under which one test keeps everything it makes, so that the residue check can find it. */
export interface TestScope {
  /** Prefix of every name that is global on the host: links, named namespaces, container names. */
  readonly prefix: string;
  /** Existing directory, 0700. Its path is short: unix sockets live below it. */
  readonly directory: string;
  readonly dataRoot: string;
  readonly runDir: string;
  /** Absolute cgroup path, the same in every hierarchy; not created. */
  readonly cgroupParent: string;
}

/** Environment variable through which the global setup names the run to the test workers. */
export const runPrefixVariable = 'WARREN_TEST_RUN';

/** The run's prefix: everything that any test of this run makes starts with it. */
export function runPrefix(): string {
  return process.env[runPrefixVariable] ?? `wrnt${process.pid}`;
}

export function runDirectory(prefix: string): string {
  return join(tmpdir(), prefix);
}

/** Removes the scope's directory and the files in it; what else a test made it ends itself. */
export function removeScope(scope: TestScope): void {
  rmSync(scope.directory, { recursive: true, force: true });
}

/** Makes a scope of its own for one test or one file; `removeScope` ends it. */
export function newScope(): TestScope {
  const run = runPrefix();
  const id = randomBytes(3).toString('hex');
  const directory = join(runDirectory(run), id);
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  return {
    prefix: `${run}-${id}`,
    directory,
    dataRoot: join(directory, 'data'),
    runDir: join(directory, 'run'),
    cgroupParent: `/${run}/${id}`,
  };
}

/** Throws what the sanitizers said of a scope's keepers: one that they end is started again, and nobody else notices. */
export function requireNoSanitizerReports({ runDir }: TestScope): void {
  if (!existsSync(runDir)) return;
  const reports = readdirSync(runDir)
    .filter((name) => name.includes('.log'))
    .flatMap((name) => readFileSync(join(runDir, name), 'utf8').split('\n'))
    .filter((line) => /Sanitizer|runtime error:/.test(line));
  if (reports.length > 0) throw new Error(reports.join('\n'));
}
