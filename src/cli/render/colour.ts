export type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan';

const codes: Readonly<Record<Style, readonly [number, number]>> = {
  bold: [1, 22],
  dim: [2, 22],
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
  cyan: [36, 39],
};

/** Wraps a text in a style, or gives it back as it is. */
export type Paint = (style: Style, text: string) => string;

const plain: Paint = (_, text) => text;

const coloured: Paint = (style, text) => {
  const [on, off] = codes[style];
  return `\u001b[${on}m${text}\u001b[${off}m`;
};

export interface ColourEnvironment {
  readonly isTerminal: boolean;
  /** NO_COLOR, FORCE_COLOR and TERM are looked at. */
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** Colours only on a terminal, never with NO_COLOR (no-color.org) or TERM=dumb. */
export function painter({ isTerminal, environment }: ColourEnvironment): Paint {
  if ((environment['NO_COLOR'] ?? '') !== '') return plain;
  if ((environment['FORCE_COLOR'] ?? '0') !== '0') return coloured;
  return isTerminal && environment['TERM'] !== 'dumb' ? coloured : plain;
}
