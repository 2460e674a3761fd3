import { isWarrenError, WarrenError } from '../../base/errors.js';
import type { Host, RunResult } from '../../host/port.js';
import { listedKeys } from '../../network/nft/listed-elements.js';
import type { Field } from '../../network/nft/set.js';

export type ListedKeys = ReadonlyMap<string, readonly (readonly Field[])[]>;

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
  if (code === 0) return listedKeys(stdout);
  if (/No such file|Protocol not supported/.test(stderr)) return null;
  throw new WarrenError(
    'unavailable',
    'FIREWALL_REFUSED',
    `Cannot look at table ${table} of nftables: ${stderr.trim().split('\n')[0] ?? ''}`,
  );
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
