import { BadValue } from '../parse/value/bad-value.js';
import { booleanWord } from '../parse/value/choice.js';
import { flagNames, type AnyOption, type OptionTable } from './option.js';
import { flagError, refusedValue } from './usage-error.js';

/** Stands for the missing value of an optional option: no user can type it. */
export const bareMark = '\0';

export interface ArgumentRules {
  readonly options: OptionTable;
  /** Leave everything behind the first argument alone. */
  readonly passThrough: boolean;
}

interface Lookup {
  readonly long: ReadonlyMap<string, AnyOption>;
  readonly short: ReadonlyMap<string, AnyOption>;
}

function lookup(options: OptionTable): Lookup {
  const long = new Map<string, AnyOption>();
  const short = new Map<string, AnyOption>();
  for (const option of Object.values(options)) {
    const names = flagNames(option);
    for (const name of [names.long, ...(option.aliases ?? [])]) long.set(name, option);
    if (names.short !== undefined) short.set(names.short, option);
  }
  return { long, short };
}

/** `--name`, `--no-name` or nothing, for a flag with an explicit truth. */
function booleanArguments(option: AnyOption & { readonly kind: 'flag' }, text: string): string[] {
  const { long } = flagNames(option);
  const truth = booleanWord(text);
  if (truth === undefined) {
    throw refusedValue(new BadValue('it must be true or false', 'true'), {
      flag: long,
      value: text,
    });
  }
  if (truth) return option.default ? [] : [long];
  return option.default ? [long.replace(/^--/, '--no-')] : [];
}

/** Reads flags one by one; `rest` are the arguments that are still to come. */
class Normalizer {
  readonly #lookup: Lookup;
  readonly #rest: string[];
  readonly #result: string[] = [];

  constructor(options: OptionTable, argv: readonly string[]) {
    this.#lookup = lookup(options);
    this.#rest = [...argv];
  }

  run(passThrough: boolean): string[] {
    for (let argument = this.#rest.shift(); argument !== undefined; argument = this.#rest.shift()) {
      if (argument === '--') return [...this.#result, argument, ...this.#rest];
      if (argument.startsWith('--')) this.#long(argument);
      else if (/^-./.test(argument)) this.#cluster(argument.slice(1));
      else if (passThrough) return [...this.#result, argument, ...this.#rest];
      else this.#result.push(argument);
    }
    return this.#result;
  }

  #long(argument: string): void {
    const equals = argument.indexOf('=');
    const name = equals < 0 ? argument : argument.slice(0, equals);
    const option = this.#lookup.long.get(name);
    if (option === undefined) this.#result.push(argument);
    else this.#option(option, equals < 0 ? undefined : argument.slice(equals + 1));
  }

  /** `-it`, `-m512m`, `-m=512m`, `-itd=false`. */
  #cluster(letters: string): void {
    for (let rest = letters; rest !== '';) {
      const option = this.#lookup.short.get(`-${rest.charAt(0)}`);
      const behind = rest.slice(1);
      if (option === undefined) {
        this.#result.push(`-${rest}`);
        return;
      }
      const attached = behind.startsWith('=') ? behind.slice(1) : behind;
      if (option.kind === 'flag' && !behind.startsWith('=')) {
        this.#option(option, undefined);
        rest = behind;
      } else {
        this.#option(option, attached === '' && behind === '' ? undefined : attached);
        return;
      }
    }
  }

  #option(option: AnyOption, attached: string | undefined): void {
    const { long } = flagNames(option);
    if (option.kind === 'flag') {
      this.#result.push(...(attached === undefined ? [long] : booleanArguments(option, attached)));
      return;
    }
    const text = attached ?? (option.kind === 'optional' ? bareMark : this.#rest.shift());
    if (text === undefined) {
      throw flagError(
        'FLAG_NEEDS_VALUE',
        `Flag needs a value: ${long}`,
        `Write ${option.flags.split(', ').at(-1) ?? long}`,
      );
    }
    this.#result.push(`${long}=${text}`);
  }
}

/**
 * Brings flags into the one form that the parser needs: docker's command line knows more than
 * commander (`--rm=false`, `-m=1g`, values only behind `=`). Unknown flags stay as they are.
 */
export function normalizeArguments(argv: readonly string[], rules: ArgumentRules): string[] {
  return new Normalizer(rules.options, argv).run(rules.passThrough);
}
