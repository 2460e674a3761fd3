import { aarch64Calls, i386Calls, x8664Calls } from './syscall-names.js';

export type SyscallArchitecture = 'x86_64' | 'i386' | 'aarch64';

export interface SyscallTable {
  readonly numbers: ReadonlyMap<string, number>;
  /** Every assigned number. */
  readonly assigned: ReadonlySet<number>;
  readonly greatest: number;
}

const texts: Readonly<Record<SyscallArchitecture, string>> = {
  x86_64: x8664Calls,
  i386: i386Calls,
  aarch64: aarch64Calls,
};

const parsed = new Map<SyscallArchitecture, SyscallTable>();

/** The calls of one architecture; parsed at first use. */
export function syscallTable(architecture: SyscallArchitecture): SyscallTable {
  const known = parsed.get(architecture);
  if (known !== undefined) return known;
  const table = parse(texts[architecture]);
  parsed.set(architecture, table);
  return table;
}

function parse(text: string): SyscallTable {
  const numbers = new Map<string, number>();
  let next = 0;
  for (const token of text.trim().split(/\s+/)) {
    if (token.startsWith('=')) {
      next = Number(token.slice(1));
      continue;
    }
    numbers.set(token, next++);
  }
  return { numbers, assigned: new Set(numbers.values()), greatest: next - 1 };
}
