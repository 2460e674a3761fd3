import { formatAge, formatSize } from '../../base/units.js';
import type { ImageStep } from '../../model/image.js';
import { calendarTime } from '../render/duration.js';
import type { ListView } from '../render/format.js';

const shownCharacters = 45;

/** How `history` shows the steps of an image. */
export function historyView(options: {
  readonly nowMs: number;
  readonly truncate: boolean;
}): ListView<ImageStep> {
  const cut = (text: string): string =>
    options.truncate && text.length > shownCharacters
      ? `${text.slice(0, shownCharacters - 1)}…`
      : text;
  return {
    headings: {
      ID: 'IMAGE',
      CreatedSince: 'CREATED',
      CreatedAt: 'CREATED AT',
      CreatedBy: 'CREATED BY',
      Size: 'SIZE',
      Comment: 'COMMENT',
    },
    columns: ['ID', 'CreatedSince', 'CreatedBy', 'Size', 'Comment'],
    row: (step) => ({
      ID: idOf(step, options.truncate),
      CreatedSince:
        step.createdAtMs === 0 ? 'N/A' : `${formatAge(options.nowMs - step.createdAtMs)} ago`,
      CreatedAt: step.createdAtMs === 0 ? 'N/A' : calendarTime(step.createdAtMs),
      CreatedBy: cut(step.createdBy.replace(/\s+/g, ' ')),
      Size: formatSize(step.sizeBytes),
      Comment: cut(step.comment),
    }),
  };
}

function idOf({ imageId }: ImageStep, truncate: boolean): string {
  if (imageId === null) return '<missing>';
  return truncate ? imageId.replace(/^sha256:/, '').slice(0, 12) : imageId;
}
