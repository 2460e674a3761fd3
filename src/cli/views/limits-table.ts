import { formatMemory } from '../../base/units.js';
import type { LimitAccount } from '../../model/stats.js';
import { numberTableLines } from '../render/table.js';

export interface ContainerLimits {
  readonly id: string;
  readonly name: string;
  readonly accounts: readonly LimitAccount[];
}

const none = '-';

function amount(value: number | null, unit: LimitAccount['unit'], raw: boolean): string {
  if (value === null) return none;
  if (raw) return String(value);
  switch (unit) {
    case 'bytes':
      return formatMemory(value);
    case 'bytesPerSecond':
      return `${formatMemory(value)}/s`;
    case 'operationsPerSecond':
      return `${value}/s`;
    case 'us':
      return `${Number((value / 1e6).toFixed(3))}s`;
    case 'cpus':
      return String(Number(value.toFixed(3)));
    case 'count':
    case 'share':
      return String(value);
  }
}

function rows({ accounts }: ContainerLimits, raw: boolean): string[][] {
  return accounts.map(({ resource, unit, held, maximum, limit, timesHit }) => [
    resource,
    amount(held, unit, raw),
    amount(maximum, unit, raw),
    limit === null ? 'unlimited' : amount(limit, unit, raw),
    timesHit === null ? none : String(timesHit),
  ]);
}

/**
 * The table of `warren limits`, after OpenVZ's beancounters: per container a name and a line for each resource. Limits that
 * were hit are what to look for: `paint` marks them.
 */
export function limitsTable(
  containers: readonly ContainerLimits[],
  options: { readonly raw: boolean; readonly paint: (text: string) => string },
): string[] {
  const heading = ['CONTAINER', 'RESOURCE', 'HELD', 'MAXIMUM', 'LIMIT', 'HIT'];
  const body = containers.flatMap((container) =>
    rows(container, options.raw).map((row, index) => [index === 0 ? container.name : '', ...row]),
  );
  const [first = '', ...lines] = numberTableLines([heading, ...body], 2);
  return [
    first,
    ...lines.map((line, index) => (Number(body[index]?.[5] ?? 0) > 0 ? options.paint(line) : line)),
  ];
}
