import { describe, expect, test } from 'vitest';
import { globalOptions } from '../../../../src/cli/options/global.js';
import type { CommandDefinition } from '../../../../src/cli/program/definition.js';
import { camelCase, flagNames } from '../../../../src/cli/program/option.js';
import { findCommand, registry } from '../../../../src/cli/program/registry/registry.js';

const definitions: (readonly [string, CommandDefinition])[] = await Promise.all(
  registry.map(async (entry) => [entry.path.join(' '), (await entry.load()).command] as const),
);

describe('the table of commands', () => {
  test('has no name twice', () => {
    const names = registry.flatMap(({ path, aliases = [] }) =>
      [path.at(-1), ...aliases].map((name) => [...path.slice(0, -1), name].join(' ')),
    );
    expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
  });

  test('finds commands by name and by alias', () => {
    expect(findCommand(['ls'])?.path).toEqual(['ps']);
    expect(findCommand(['image', 'list'])?.path).toEqual(['image', 'ls']);
    expect(findCommand(['image'])).toBeUndefined();
    expect(findCommand(['nope'])).toBeUndefined();
  });
});

describe.each(definitions)('%s', (name, definition) => {
  test('names each option by its key', () => {
    for (const [key, option] of Object.entries(definition.options)) {
      expect(camelCase(flagNames(option).long)).toBe(key);
    }
  });

  test('has no flag twice', () => {
    const flags = Object.values({ ...globalOptions, ...definition.options }).flatMap((option) => {
      const { short, long } = flagNames(option);
      return short === undefined ? [long] : [short, long];
    });
    expect(flags.filter((flag, index) => flags.indexOf(flag) !== index)).toEqual([]);
  });

  test('has examples when it is listed, and only its last argument is a list', () => {
    const isListed = registry.find(({ path }) => path.join(' ') === name)?.group !== undefined;
    expect(definition.examples.length > 0).toBe(isListed);
    expect(definition.arguments.slice(0, -1).some(({ variadic }) => variadic)).toBe(false);
  });
});
