import type { EngineVolumes } from '../../engine/contract.js';

type ListedVolume = Awaited<ReturnType<EngineVolumes['get']>>;

/** A volume as Docker's inspect shows it. */
export function volumeDocument(volume: ListedVolume): object {
  return {
    CreatedAt: new Date(volume.createdAtMs).toISOString().replace(/\.\d+Z$/, 'Z'),
    Driver: 'local',
    Labels: volume.labels,
    Mountpoint: volume.mountPoint,
    Name: volume.name,
    Options: {},
    Scope: 'local',
    UsageData: { RefCount: volume.usedBy.length },
  };
}
