import { WarrenError } from '../../base/errors.js';
import { parseDuration } from '../../base/units.js';
import type { Image } from '../../model/image.js';

export type ImageFilters = Readonly<Record<string, readonly string[]>>;

/** Finds the image of a `before` or `since` filter. */
type Find = (reference: string) => Image;

const tests: Readonly<Record<string, (image: Image, value: string, find: Find) => boolean>> = {
  reference: (image, value) => image.references.some((reference) => fits(reference, value)),
  dangling: (image, value) => (image.references.length === 0) === (value === 'true'),
  label: ({ config }, value) => {
    const [key = '', ...rest] = value.split('=');
    const has = config.labels[key];
    return has !== undefined && (rest.length === 0 || has === rest.join('='));
  },
  before: (image, value, find) => image.createdAtMs < find(value).createdAtMs,
  since: (image, value, find) => image.createdAtMs > find(value).createdAtMs,
  until: (image, value) => image.createdAtMs < untilMs(value),
};

/**
 * Images that fit all filters; values of one key are alternatives, but for labels, which must all be there.
 * @throws WarrenError invalidArgument (INVALID_FILTER), notFound (IMAGE_NOT_FOUND)
 */
export function filterImages(
  images: readonly Image[],
  filters: ImageFilters,
  find: Find,
): readonly Image[] {
  const rules = Object.entries(filters).map(([key, values]) => {
    const test = tests[key];
    if (test === undefined) throw invalidFilter(key);
    return (image: Image): boolean =>
      key === 'label'
        ? values.every((value) => test(image, value, find))
        : values.some((value) => test(image, value, find));
  });
  return images.filter((image) => rules.every((rule) => rule(image)));
}

/** Docker's glob over the familiar name, or over its first part when the pattern names no tag. */
function fits(reference: string, pattern: string): boolean {
  const name = reference.slice(0, reference.lastIndexOf(':'));
  const rule = new RegExp(
    `^${pattern
      .replace(/[.+^${}()|\\]/g, '\\$&')
      .replace(/\*/g, '[^/]*')
      .replace(/\?/g, '[^/]')}$`,
  );
  return rule.test(reference) || rule.test(name);
}

function untilMs(value: string): number {
  const date = Date.parse(value);
  if (Number.isFinite(date)) return date;
  return Date.now() - parseDuration(value);
}

function invalidFilter(key: string): WarrenError {
  return new WarrenError(
    'invalidArgument',
    'INVALID_FILTER',
    `Unknown filter ${JSON.stringify(key)}`,
    {
      hint: `Use one of ${Object.keys(tests).sort().join(', ')}`,
    },
  );
}
