/** Variables and quotes in instructions, by the rules of Docker's "shell-like" words. */

export interface Expansion {
  /** Undefined: not set. */
  readonly lookup: (name: string) => string | undefined;
  /** @default '\\' */
  readonly escape?: string;
}

/** Splits into words at white space outside of quotes; quotes stay. */
export function splitWords(text: string, escape = '\\'): string[] {
  const words: string[] = [];
  let word = '';
  let quote = '';
  for (let at = 0; at < text.length; at += 1) {
    const char = text.charAt(at);
    if (char === escape && quote !== "'" && at + 1 < text.length) {
      word += char + text.charAt(at + 1);
      at += 1;
      continue;
    }
    if (quote === '' && /\s/.test(char)) {
      if (word !== '') words.push(word);
      word = '';
      continue;
    }
    if (quote === char) quote = '';
    else if (quote === '' && (char === '"' || char === "'")) quote = char;
    word += char;
  }
  return word === '' ? words : [...words, word];
}

/** One word: variables replaced, quotes taken away. Throws Error with the reason. */
export function expandWord(word: string, expansion: Expansion): string {
  return new Expander(word, expansion).run('');
}

/** A text of a here-document: variables replaced, quotes kept. */
export function expandText(text: string, expansion: Expansion): string {
  return new Expander(text, expansion, true).run('');
}

class Expander {
  private at = 0;
  private readonly text: string;
  private readonly lookup: Expansion['lookup'];
  private readonly escape: string;
  private readonly keepQuotes: boolean;

  constructor(text: string, { lookup, escape = '\\' }: Expansion, keepQuotes = false) {
    this.text = text;
    this.lookup = lookup;
    this.escape = escape;
    this.keepQuotes = keepQuotes;
  }

  /** Up to `end`, which is consumed; to the end of the text when it is empty. */
  run(end: string): string {
    let result = '';
    while (this.at < this.text.length) {
      const char = this.text.charAt(this.at);
      if (end !== '' && char === end) {
        this.at += 1;
        return result;
      }
      result += this.part(char);
    }
    if (end !== '') throw new Error(`a ${end} is missing`);
    return result;
  }

  private part(char: string): string {
    this.at += 1;
    if (char === this.escape) {
      const next = this.text.charAt(this.at);
      this.at += 1;
      return this.keepQuotes && next !== '$' && next !== this.escape ? char + next : next;
    }
    if (char === '$') return this.variable();
    if (this.keepQuotes) return char;
    if (char === "'") return this.singleQuoted();
    if (char === '"') return this.doubleQuoted();
    return char;
  }

  private singleQuoted(): string {
    const end = this.text.indexOf("'", this.at);
    if (end < 0) throw new Error("a ' is missing");
    const inside = this.text.slice(this.at, end);
    this.at = end + 1;
    return inside;
  }

  private doubleQuoted(): string {
    let result = '';
    for (;;) {
      const char = this.text.charAt(this.at);
      if (char === '') throw new Error('a " is missing');
      this.at += 1;
      if (char === '"') return result;
      if (char === '$') result += this.variable();
      else if (char === this.escape) {
        const next = this.text.charAt(this.at);
        this.at += 1;
        result += ['"', '$', this.escape].includes(next) ? next : char + next;
      } else result += char;
    }
  }

  private variable(): string {
    if (this.text.charAt(this.at) === '{') {
      this.at += 1;
      return this.braced();
    }
    const name = /^(?:[A-Za-z_][A-Za-z0-9_]*|[0-9])/.exec(this.text.slice(this.at))?.[0];
    if (name === undefined) return '$';
    this.at += name.length;
    return this.lookup(name) ?? '';
  }

  private braced(): string {
    const match = /^([A-Za-z_][A-Za-z0-9_]*)(:?[-+?]|##?|%%?|\/\/?|\})/.exec(
      this.text.slice(this.at),
    );
    if (match === null) throw new Error(`bad substitution: \${${this.text.slice(this.at)}`);
    const [whole, name = '', operator = ''] = match;
    this.at += whole.length;
    const value = this.lookup(name);
    if (operator === '}') return value ?? '';
    if (operator.startsWith('/')) {
      const pattern = this.run('/');
      return replaced(value ?? '', pattern, { by: this.run('}'), all: operator === '//' });
    }
    const word = this.run('}');
    return operate({ name, value, operator, word });
  }
}

function operate(use: {
  readonly name: string;
  readonly value: string | undefined;
  readonly operator: string;
  readonly word: string;
}): string {
  const { name, value, operator, word } = use;
  const missing = operator.startsWith(':')
    ? value === undefined || value === ''
    : value === undefined;
  switch (operator.replace(':', '')) {
    case '-':
      return missing ? word : (value ?? '');
    case '+':
      return missing ? '' : word;
    case '?':
      if (missing) throw new Error(`${name}: ${word === '' ? 'not set' : word}`);
      return value ?? '';
    case '#':
    case '##':
      return cutFront(value ?? '', word, operator === '##');
    default:
      return cutBack(value ?? '', word, operator === '%%');
  }
}

/** `*`, `?` and nothing else, as a regular expression. */
function patternSource(pattern: string, lazy: boolean): string {
  return [...pattern]
    .map((char) => {
      if (char === '*') return lazy ? '[^]*?' : '[^]*';
      return char === '?' ? '[^]' : char.replace(/[\\^$.|+()[\]{}]/g, '\\$&');
    })
    .join('');
}

function cutFront(value: string, pattern: string, longest: boolean): string {
  return value.replace(new RegExp(`^(?:${patternSource(pattern, !longest)})`), '');
}

function cutBack(value: string, pattern: string, longest: boolean): string {
  const end = new RegExp(`^(?:${patternSource(pattern, false)})$`);
  const starts = Array.from({ length: value.length + 1 }, (_, at) => at);
  const start = (longest ? starts : starts.reverse()).find((at) => end.test(value.slice(at)));
  return start === undefined ? value : value.slice(0, start);
}

function replaced(
  value: string,
  pattern: string,
  { by, all }: { readonly by: string; readonly all: boolean },
): string {
  return value.replace(new RegExp(patternSource(pattern, false), all ? 'g' : ''), () => by);
}
