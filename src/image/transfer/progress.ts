import type { LayerStatus, OnProgress } from '../../model/events.js';
import type { OciDescriptor } from '../oci.js';

/** Tells what happens to one blob. */
export type ReportLayer = (status: LayerStatus, done?: number) => void;

export function layerReporter(onProgress: OnProgress, blob: OciDescriptor): ReportLayer {
  const id = blob.digest.slice('sha256:'.length, 'sha256:'.length + 12);
  return (status, done = 0) => {
    onProgress({ kind: 'layer', id, status, done, total: blob.size });
  };
}
