import type { Parse } from '../parse/value/bad-value.js';

/** What a shell offers behind a flag or as an argument. */
export type Completion =
  'container' | 'image' | 'volume' | 'network' | 'file' | 'directory' | readonly string[];

interface OptionBase {
  /** As commander reads it: `-m, --memory <size>`. The key in the table is the long name in camel case. */
  readonly flags: string;
  /** One clause without a final period. */
  readonly help: string;
  /** Other long names that docker has for it; not shown. */
  readonly aliases?: readonly string[];
  /** Heading in the help; none: the common one. */
  readonly group?: string;
  readonly complete?: Completion;
  /** Shown in the help as the default. */
  readonly defaultText?: string;
}

/** On or off; `--name=false` switches it off. */
export interface FlagOption extends OptionBase {
  readonly kind: 'flag';
  readonly default: boolean;
}

export interface ValueOption<T> extends OptionBase {
  readonly kind: 'value';
  readonly parse: Parse<T>;
}

/** With a value only as `--name=value`; `bare` is what it means without. */
export interface OptionalOption<T> extends OptionBase {
  readonly kind: 'optional';
  readonly parse: Parse<T>;
  readonly bare: T;
}

/** May be given several times. */
export interface ListOption<T> extends OptionBase {
  readonly kind: 'list';
  readonly parse: Parse<T>;
}

export type AnyOption =
  FlagOption | ValueOption<unknown> | OptionalOption<unknown> | ListOption<unknown>;

export type OptionTable = Readonly<Record<string, AnyOption>>;

/** What the handler of a command gets: every key of its table, undefined for a value that was not given. */
export type OptionValues<T extends OptionTable> = {
  readonly [K in keyof T]: T[K] extends FlagOption
    ? boolean
    : T[K] extends ListOption<infer U>
      ? readonly U[]
      : T[K] extends ValueOption<infer U> | OptionalOption<infer U>
        ? U | undefined
        : never;
};

/** The table that describes an interface of values: every field must have its option. */
export type TableFor<V> = {
  readonly [K in keyof V]-?: [V[K]] extends [boolean]
    ? FlagOption
    : V[K] extends readonly (infer U)[]
      ? ListOption<U>
      : ValueOption<NonNullable<V[K]>> | OptionalOption<NonNullable<V[K]>>;
};

type Extra = Omit<OptionBase, 'flags' | 'help'>;

/** Off unless given. */
export function flag(
  flags: string,
  help: string,
  extra: Extra & { readonly default?: boolean } = {},
): FlagOption {
  return { kind: 'flag', default: false, ...extra, flags, help };
}

export function value<T>(
  flags: string,
  help: string,
  extra: Extra & { readonly parse: Parse<T> },
): ValueOption<T> {
  return { kind: 'value', ...extra, flags, help };
}

export function list<T>(
  flags: string,
  help: string,
  extra: Extra & { readonly parse: Parse<T> },
): ListOption<T> {
  return { kind: 'list', ...extra, flags, help };
}

/** Takes the text as it is. */
export function asText(text: string): string {
  return text;
}

/** Names of an option: `-m`, `--memory`, and for messages the long one. */
export function flagNames(option: AnyOption): {
  readonly short: string | undefined;
  readonly long: string;
} {
  const names = option.flags.split(/[ ,]+/);
  return {
    short: names.find((name) => /^-[^-]$/.test(name)),
    long: names.find((name) => name.startsWith('--')) ?? option.flags,
  };
}

/** The key that commander gives an option: `--cpu-shares` is `cpuShares`. */
export function camelCase(long: string): string {
  return long
    .replace(/^--/, '')
    .replace(/-([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}
