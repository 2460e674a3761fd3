import { existsSync, readdirSync } from 'node:fs';
import { cgroupDirectories, removeCgroup, removeDirectory } from './scrub.js';

/** Where peers keep what they make. */
export interface PeerPlaces {
  /** One directory for each peer below it. */
  readonly directory: string;
  /** Prefix of their cgroups' names. */
  readonly name: string;
}

/** Name of the one cgroup, in every hierarchy, that all processes of a peer are in. */
export function peerCgroup(name: string, peer: string): string {
  return `${name}-${peer}`;
}

/** Removes what peers left, whatever state they were in: processes by cgroup, cgroups, mounts, files. */
export async function cleanPeers({ directory, name }: PeerPlaces): Promise<void> {
  const peers = existsSync(directory) ? readdirSync(directory) : [];
  for (const peer of ['raw', ...peers]) {
    const group = peerCgroup(name, peer);
    if (cgroupDirectories(group).length > 0) await removeCgroup(group);
  }
  await removeDirectory(directory);
}
