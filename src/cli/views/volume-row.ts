import type { EngineVolumes } from '../../engine/contract.js';
import type { ListView } from '../render/format.js';

export type ListedVolume = Awaited<ReturnType<EngineVolumes['list']>>[number];

/** How `volume ls` shows volumes. */
export const volumeView: ListView<ListedVolume> = {
  headings: {
    Driver: 'DRIVER',
    Name: 'VOLUME NAME',
    Mountpoint: 'MOUNTPOINT',
    Scope: 'SCOPE',
    Labels: 'LABELS',
    Links: 'LINKS',
  },
  columns: ['Driver', 'Name'],
  row: (volume) => ({
    Driver: 'local',
    Name: volume.name,
    Mountpoint: volume.mountPoint,
    Scope: 'local',
    Labels: Object.entries(volume.labels)
      .map((pair) => pair.join('='))
      .join(','),
    Links: String(volume.usedBy.length),
    Label: (key: unknown) => (typeof key === 'string' ? (volume.labels[key] ?? '') : ''),
  }),
};
