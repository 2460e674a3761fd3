import { describe, expect, test } from 'vitest';
import { asText, flag, list, value, type OptionTable } from '../../../../src/cli/program/option.js';
import { bareMark, normalizeArguments } from '../../../../src/cli/program/arguments.js';

const options: OptionTable = {
  interactive: flag('-i, --interactive', ''),
  tty: flag('-t, --tty', ''),
  proxy: flag('--proxy', '', { default: true }),
  memory: value('-m, --memory <size>', '', { parse: asText, aliases: ['--mem'] }),
  env: list('-e, --env <value>', '', { parse: asText }),
  volatile: { kind: 'optional', flags: '--volatile [=size]', help: '', parse: asText, bare: '' },
};

function normalize(line: string, passThrough = false): string[] {
  return normalizeArguments(line.split(' '), { options, passThrough });
}

describe('arguments', () => {
  test.each([
    ['-it -m 1g a', '--interactive --tty --memory=1g a'],
    ['-itm1g a', '--interactive --tty --memory=1g a'],
    ['-m=1g a', '--memory=1g a'],
    ['--memory 1g --memory=2g', '--memory=1g --memory=2g'],
    ['-e A=b -e=C=d', '--env=A=b --env=C=d'],
    ['-m -1', '--memory=-1'],
    ['--mem 1g --mem=2g', '--memory=1g --memory=2g'],
    ['--tty=true --interactive=false a', '--tty a'],
    ['-t=false a', 'a'],
    ['--proxy=false --proxy=true', '--no-proxy'],
    ['a --tty -- --memory', 'a --tty -- --memory'],
    ['--unknown=5 -x', '--unknown=5 -x'],
    ['-ix', '--interactive -x'],
    ['-', '-'],
  ])('%s becomes %s', (line, expected) => {
    expect(normalize(line)).toEqual(expected.split(' '));
  });

  test('behind the first argument everything belongs to the command inside', () => {
    expect(normalize('-t image sh -i -m', true)).toEqual(['--tty', 'image', 'sh', '-i', '-m']);
  });

  test('an optional value is only taken behind an equals sign', () => {
    expect(normalize('--volatile image')).toEqual([`--volatile=${bareMark}`, 'image']);
    expect(normalize('--volatile=1g image')).toEqual(['--volatile=1g', 'image']);
  });

  test('a missing value and a wrong truth are named', () => {
    expect(() => normalize('-m')).toThrow('Flag needs a value: --memory');
    expect(() => normalize('--tty=maybe')).toThrow(
      'Invalid value "maybe" for --tty: it must be true or false',
    );
  });
});
