import { WarrenError } from '../../base/errors.js';

export type Filters = Readonly<Record<string, readonly string[]>>;

export type FilterTests<T> = Readonly<Record<string, (item: T, value: string) => boolean>>;

/**
 * Those that fit all filters; values of one key are alternatives, but for labels, which must all be there.
 * @throws WarrenError invalidArgument (INVALID_FILTER)
 */
export function fitting<T>(
  items: readonly T[],
  filters: Filters,
  tests: FilterTests<T>,
): readonly T[] {
  const rules = Object.entries(filters).map(([key, values]) => {
    const test = Object.hasOwn(tests, key) ? tests[key] : undefined;
    if (test === undefined) throw invalidFilter(key, Object.keys(tests));
    return (item: T): boolean =>
      key === 'label'
        ? values.every((value) => test(item, value))
        : values.some((value) => test(item, value));
  });
  return items.filter((item) => rules.every((rule) => rule(item)));
}

function invalidFilter(key: string, known: readonly string[]): WarrenError {
  return new WarrenError(
    'invalidArgument',
    'INVALID_FILTER',
    `Unknown filter ${JSON.stringify(key)}`,
    { hint: `Use one of ${[...known].sort().join(', ')}` },
  );
}
