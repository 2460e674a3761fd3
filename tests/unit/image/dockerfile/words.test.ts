import { describe, expect, test } from 'vitest';
import { expandText, expandWord, splitWords } from '../../../../src/image/dockerfile/words.js';

const values = new Map([
  ['A', 'one'],
  ['EMPTY', ''],
  ['PATH', '/a:/b'],
  ['FILE', 'a.tar.gz'],
]);
const lookup = (name: string): string | undefined => values.get(name);

describe('words', () => {
  test.each([
    ['a  b\tc', ['a', 'b', 'c']],
    [`a="b c" 'd e'f`, ['a="b c"', `'d e'f`]],
    ['a\\ b c', ['a\\ b', 'c']],
    [`"it's" 'say "x"'`, [`"it's"`, `'say "x"'`]],
    ['', []],
  ])('of %j are %j', (text, words) => {
    expect(splitWords(text)).toEqual(words);
  });

  test.each([
    ['$A-${A}b$', 'one-oneb$'],
    ['$MISSING.${MISSING}', '.'],
    ['${MISSING:-x}${EMPTY:-y}${A:-z}', 'xyone'],
    ['${MISSING-x}${EMPTY-y}', 'x'],
    ['${MISSING:+x}${EMPTY:+y}${A:+z}', 'z'],
    ['${MISSING:-${A}}', 'one'],
    ['\\$A "$A" \'$A\'', '$A one $A'],
    ['"a\\"b" a\\ b', 'a"b a b'],
    ['${FILE%.*} ${FILE%%.*}', 'a.tar a'],
    ['${FILE#*.} ${FILE##*.}', 'tar.gz gz'],
    ['${PATH/a/x} ${PATH//\\//_}', '/x:/b _a:_b'],
  ])('%s becomes %s', (text, expected) => {
    expect(expandWord(text, { lookup })).toBe(expected);
  });

  test('that lack what they need say so', () => {
    expect(() => expandWord('${MISSING:?no value}', { lookup })).toThrow('no value');
    expect(() => expandWord('${A', { lookup })).toThrow('bad substitution');
    expect(() => expandWord('${A/x}', { lookup })).toThrow('a / is missing');
  });

  test('of a here-document keep their quotes', () => {
    expect(expandText(`"$A" '$A' \\$A`, { lookup })).toBe(`"one" 'one' $A`);
  });

  test('obey the escape directive', () => {
    expect(expandWord('`$A \\a', { lookup, escape: '`' })).toBe('$A \\a');
  });
});
