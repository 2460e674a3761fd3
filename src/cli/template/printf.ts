import { show } from './value.js';

const verb = /%([-+# 0]*)(\d+|\*)?(?:\.(\d+))?([a-zA-Z%])/g;

interface Verb {
  readonly flags: string;
  readonly width: number;
  readonly precision: number | undefined;
  readonly letter: string;
}

function mismatch(letter: string, value: unknown): string {
  return `%!${letter}(${typeof value}=${show(value)})`;
}

function integerText(value: number | bigint, radix: number): string {
  return (typeof value === 'number' ? Math.trunc(value) : value).toString(radix);
}

const radixes: Readonly<Record<string, number>> = { d: 10, x: 16, X: 16, o: 8, b: 2 };

function formatNumber(
  value: number | bigint,
  { letter, precision, flags }: Verb,
): string | undefined {
  const radix = radixes[letter];
  let text: string | undefined;
  if (radix !== undefined) text = integerText(value, radix);
  else if (letter === 'f' || letter === 'F') text = Number(value).toFixed(precision ?? 6);
  else if (letter === 'e' || letter === 'E') text = Number(value).toExponential(precision ?? 6);
  else if (letter === 'g')
    text =
      precision === undefined
        ? String(value)
        : String(Number(Number(value).toPrecision(precision)));
  else if (letter === 'c') return String.fromCodePoint(Number(value));
  if (text === undefined) return undefined;
  if (letter === 'X') text = text.toUpperCase();
  return flags.includes('+') && !text.startsWith('-') ? `+${text}` : text;
}

function formatText(value: string, { letter, precision }: Verb): string | undefined {
  if (letter === 's')
    return precision === undefined ? value : [...value].slice(0, precision).join('');
  if (letter === 'q') return JSON.stringify(value);
  if (letter === 'x') return Buffer.from(value).toString('hex');
  return letter === 'X' ? Buffer.from(value).toString('hex').toUpperCase() : undefined;
}

function formatValue(value: unknown, verb: Verb): string {
  if (verb.letter === 'v') return show(value);
  if (verb.letter === 't') return typeof value === 'boolean' ? String(value) : mismatch('t', value);
  if (typeof value === 'number' || typeof value === 'bigint') {
    return (
      formatNumber(value, verb) ??
      (verb.letter === 's' ? show(value) : mismatch(verb.letter, value))
    );
  }
  if (typeof value === 'string') return formatText(value, verb) ?? mismatch(verb.letter, value);
  if (verb.letter === 's') return show(value);
  return verb.letter === 'q' ? JSON.stringify(show(value)) : mismatch(verb.letter, value);
}

function pad(text: string, { flags, width }: Verb): string {
  const missing = width - [...text].length;
  if (missing <= 0) return text;
  if (flags.includes('-')) return text + ' '.repeat(missing);
  if (!flags.includes('0')) return ' '.repeat(missing) + text;
  const sign = /^[+-]/.exec(text)?.[0] ?? '';
  return sign + '0'.repeat(missing) + text.slice(sign.length);
}

/** Go's `fmt.Sprintf` for the verbs v, s, q, d, x, X, o, b, c, t, f, e, g and their flags. */
export function sprintf(format: string, values: readonly unknown[]): string {
  let next = 0;
  const take = (): unknown => values[next++];
  const text = format.replace(verb, (_, ...groups: (string | undefined)[]) => {
    const [flags = '', width = '0', precision, letter = ''] = groups;
    if (letter === '%') return '%';
    const columns = width === '*' ? Number(take()) : Number(width);
    if (next >= values.length) return `%!${letter}(MISSING)`;
    const parsed: Verb = {
      flags,
      width: columns,
      precision: precision === undefined ? undefined : Number(precision),
      letter,
    };
    return pad(formatValue(take(), parsed), parsed);
  });
  const extra = values.slice(next).map((value) => `${typeof value}=${show(value)}`);
  return extra.length === 0 ? text : `${text}%!(EXTRA ${extra.join(', ')})`;
}
