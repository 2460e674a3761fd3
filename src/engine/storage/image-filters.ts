import { parseDuration } from '../../base/units.js';
import type { Image } from '../../model/image.js';
import { hasLabel } from '../observe/events/event-filters.js';
import { fitting, type Filters, type FilterTests } from './filter-rules.js';

export type ImageFilters = Filters;

/** Finds the image of a `before` or `since` filter. */
type Find = (reference: string) => Image;

/**
 * Images that fit all filters, of the names of each only those that were asked for.
 * @throws WarrenError invalidArgument (INVALID_FILTER), notFound (IMAGE_NOT_FOUND)
 */
export function filterImages(
  images: readonly Image[],
  filters: ImageFilters,
  find: Find,
): readonly Image[] {
  const tests: FilterTests<Image> = {
    reference: (image, value) => image.references.some((reference) => fits(reference, value)),
    dangling: (image, value) => (image.references.length === 0) === (value === 'true'),
    label: ({ config }, value) => hasLabel(config.labels, value),
    before: (image, value) => image.createdAtMs < find(value).createdAtMs,
    since: (image, value) => image.createdAtMs > find(value).createdAtMs,
    until: (image, value) => image.createdAtMs < untilMs(value),
  };
  const found = fitting(images, filters, tests);
  const { reference: patterns } = filters;
  if (patterns === undefined) return found;
  return found.map((image) => ({
    ...image,
    references: image.references.filter((reference) =>
      patterns.some((pattern) => fits(reference, pattern)),
    ),
  }));
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
