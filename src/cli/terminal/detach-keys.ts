import { BadValue } from '../parse/value/bad-value.js';

const example = 'ctrl-p,ctrl-q';
const controlSymbols: Readonly<Record<string, number>> = {
  '@': 0,
  '[': 27,
  '\\': 28,
  ']': 29,
  '^': 30,
  _: 31,
};

function keyByte(key: string): number {
  const control = /^ctrl-(.)$/.exec(key)?.[1];
  if (control === undefined && /^[\x20-\x7e]$/.test(key)) return key.charCodeAt(0);
  if (control !== undefined && /^[a-z]$/i.test(control))
    return control.toLowerCase().charCodeAt(0) - 96;
  const symbol = controlSymbols[control ?? ''];
  if (symbol === undefined)
    throw new BadValue(
      'a key is one character, or ctrl- and a letter or one of @ [ \\ ] ^ _',
      example,
    );
  return symbol;
}

/** Bytes of `ctrl-p,ctrl-q`; an empty text switches detaching off. */
export function parseDetachKeys(text: string): Uint8Array {
  return text === '' ? new Uint8Array() : Uint8Array.from(text.split(','), keyByte);
}

export const defaultDetachKeys: Uint8Array = parseDetachKeys('ctrl-p,ctrl-q');

/**
 * Looks for the detach keys in what is typed. A part of the sequence is held back until it is clear that the rest does
 * not follow.
 */
export class DetachFilter {
  readonly #keys: Uint8Array;
  #matched = 0;

  constructor(keys: Uint8Array) {
    this.#keys = keys;
  }

  /** What to pass on of `chunk`, and whether the sequence is complete (what is behind it is dropped). */
  feed(chunk: Uint8Array): { readonly data: Uint8Array; readonly detached: boolean } {
    if (this.#keys.length === 0) return { data: chunk, detached: false };
    const passed: number[] = [];
    for (const byte of chunk) {
      if (byte !== this.#keys[this.#matched]) {
        passed.push(...this.#keys.subarray(0, this.#matched));
        this.#matched = 0;
      }
      if (byte === this.#keys[this.#matched]) this.#matched += 1;
      else passed.push(byte);
      if (this.#matched === this.#keys.length)
        return { data: Uint8Array.from(passed), detached: true };
    }
    return { data: Uint8Array.from(passed), detached: false };
  }
}
