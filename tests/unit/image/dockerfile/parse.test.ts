import { describe, expect, test } from 'vitest';
import type { Instruction } from '../../../../src/image/dockerfile/instruction.js';
import { parseDockerfile, parseInstruction } from '../../../../src/image/dockerfile/parse.js';

const parse = (text: string): readonly Instruction[] => parseDockerfile(text, 'D').instructions;
const only = (text: string): Instruction => {
  const [instruction, ...more] = parse(text);
  if (instruction === undefined || more.length > 0) throw new Error('One instruction was wanted');
  return instruction;
};

describe('a Dockerfile', () => {
  test('is read line by line, in any case, with its places', () => {
    const found = parse('# comment\n\nfrom a AS b\r\n  Run   x  y  \n\nCMD ["z"]\n');
    const shown = found.map(({ keyword, text, place }) => [keyword, text, place.line]);
    expect(shown).toEqual([
      ['FROM', 'a AS b', 3],
      ['RUN', 'x  y', 4],
      ['CMD', '["z"]', 6],
    ]);
  });

  test('joins lines, and leaves out comments and empty lines between them', () => {
    expect(only('RUN a \\\n  # no\n\n  b \\ \n  c').text).toBe('a   b   c');
    expect(only('# escape=`\nRUN a `\n b \\').text).toBe('a  b \\');
    expect(parseDockerfile('# escape=`\nFROM a', 'D').escape).toBe('`');
    expect(only('RUN a \\').text).toBe('a');
  });

  test('takes flags in front of the rest, and no others', () => {
    const { flags, text } = only('COPY --from=x --chown="a b" --link a --b c');
    expect(flags).toEqual([
      { name: 'from', value: 'x' },
      { name: 'chown', value: 'a b' },
      { name: 'link', value: undefined },
    ]);
    expect(text).toBe('a --b c');
  });

  test.each([
    ['CMD ["a", "b\\n"]', ['a', 'b\n']],
    ['CMD []', []],
    ['CMD ["a", 1]', null],
    ["CMD ['a']", null],
    ['CMD ["a"] b', null],
    ['CMD a', null],
  ])('%s is the list %j', (text, json) => {
    expect(only(text).json).toEqual(json);
  });

  test('has here-documents, with and without variables, one after the other', () => {
    const { hereDocuments, script, text } = only(
      'COPY <<A <<-"B" /x/\none $V\n# kept\nA\n\ttwo\n\tB\n',
    );
    expect(text).toBe('<<A <<-"B" /x/');
    expect(hereDocuments).toEqual([
      { name: 'A', content: 'one $V\n# kept\n', expand: true },
      { name: 'B', content: 'two\n', expand: false },
    ]);
    expect(script).toBe('<<A <<-"B" /x/\none $V\n# kept\nA\n\ttwo\n\tB');
    expect(only('RUN <<E\nE').hereDocuments).toEqual([{ name: 'E', content: '\n', expand: true }]);
    // In an instruction that knows none, it is text.
    expect(only('ENV A=<<X').hereDocuments).toEqual([]);
  });

  test.each([
    ['', 'D is empty'],
    ['# only this', 'D is empty'],
    ['FROM a\nTHIS b', 'D:2: THIS: unknown instruction'],
    ['FROM a\n\nRUN <<A\nx', 'D:3: RUN: the here-document A has no end'],
  ])('%j is refused', (text, message) => {
    expect(() => parse(text)).toThrow(message);
  });

  test('an instruction that is given as text has the place of who gave it', () => {
    const place = { file: 'D', line: 7 };
    expect(parseInstruction('RUN x', place)).toMatchObject({ keyword: 'RUN', place });
  });
});
