import { isWarrenError, WarrenError } from '../../base/errors.js';
import type { Host, RunResult } from '../../host/port.js';
import { listedElements, type ListedElement } from '../../network/nft/listed-elements.js';

export type ListedKeys = ReadonlyMap<string, readonly ListedElement[]>;

/**
 * What a table holds; null when there is none: so it is where nft(8) is missing, or nftables in the kernel.
 * @param enter program and arguments in front, for another network namespace
 */
export async function listElements(
  host: Host,
  table: string,
  enter: readonly string[] = [],
): Promise<ListedKeys | null> {
  const nft = ['nft', '-n', '-j', 'list', 'table', 'inet', table];
  const [program = '', ...args] = [...enter, ...nft];
  const result = await runIfThere(host, program, args);
  if (result === null) return null;
  const { code, stdout, stderr } = result;
  if (code === 0) return listedElements(stdout);
  if (stderr.includes('No such file') || hasNoTables(stderr)) return null;
  throw new WarrenError(
    'unavailable',
    'FIREWALL_REFUSED',
    `Cannot look at table ${table} of nftables: ${stderr.trim().split('\n')[0] ?? ''}`,
  );
}

/** What nft(8) says on a kernel without nftables. */
export function hasNoTables(stderr: string): boolean {
  return stderr.includes('Protocol not supported');
}

async function runIfThere(
  host: Host,
  program: string,
  args: readonly string[],
): Promise<RunResult | null> {
  try {
    return await host.run(program, args);
  } catch (error) {
    if (isWarrenError(error, 'commandNotFound')) return null;
    throw error;
  }
}
