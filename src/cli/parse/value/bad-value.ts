/**
 * Why a flag's value is refused, without the flag's name: whoever knows the flag completes the
 * message. `rule` says what a value must be, `example` is one that would do.
 */
export class BadValue extends Error {
  readonly rule: string;
  readonly example: string;

  constructor(rule: string, example: string) {
    super(rule);
    this.rule = rule;
    this.example = example;
  }
}

/** A parser of one flag's value; throws {@link BadValue}. */
export type Parse<T> = (text: string) => T;
