import { formatSize } from '../../base/units.js';
import type { LayerStatus, ProgressEvent } from '../../model/events.js';

export type LayerProgress = Extract<ProgressEvent, { readonly kind: 'layer' }>;

/** Docker's words. */
const words: Readonly<Record<LayerStatus, string>> = {
  waiting: 'Waiting',
  downloading: 'Downloading',
  downloaded: 'Download complete',
  unpacking: 'Extracting',
  complete: 'Pull complete',
  exists: 'Already exists',
  uploading: 'Pushing',
  pushed: 'Pushed',
  mounted: 'Mounted',
};

const endings: ReadonlySet<LayerStatus> = new Set(['complete', 'exists', 'pushed', 'mounted']);

/** True when nothing more comes of this layer. */
export function isSettled({ status }: LayerProgress): boolean {
  return endings.has(status);
}

/** One line: `4f4fb700ef54: Downloading [====      ] 1.2MB/6.1MB`. */
export function layerLine(
  event: LayerProgress,
  bar: (done: number, total: number) => string,
): string {
  const text = `${event.id}: ${words[event.status]}`;
  if (event.status !== 'downloading' && event.status !== 'uploading') return text;
  const amount = `${formatSize(event.done)}/${formatSize(event.total)}`;
  return `${text} ${bar(event.done, event.total)} ${amount}`;
}
