/** In which order systems are launched. */

export interface Turn {
  /** Containers of each system. */
  readonly count: number;
  /** All of them: memory is read, too. */
  readonly full: boolean;
}

/** How many turns a repeat has. */
export const turnCount = 4;
/** The others are short. */
const fullTurn = 2;
/** Fewer tell nothing. */
const smallestShort = 2;

/** What the index-th turn of a repeat is: a quarter of the containers, in the third one all; null: too few for a short one. */
export function turnOf(index: number, count: number): Turn | null {
  if (index === fullTurn) return { count, full: true };
  const quarter = Math.floor(count / turnCount);
  return quarter < smallestShort ? null : { count: quarter, full: false };
}

/** The systems in the order of the index-th turn: each turn begins further on, and every second runs backwards from there. */
export function orderOf<T>(systems: readonly T[], index: number): readonly T[] {
  const first = Math.floor((index * systems.length) / turnCount);
  if (index % 2 === 0) return [...systems.slice(first), ...systems.slice(0, first)];
  return [...systems.slice(0, first + 1).reverse(), ...systems.slice(first + 1).reverse()];
}
