import { existsSync, readdirSync } from 'node:fs';
import type { PeerVariant } from '../peers/peer.js';
import { cgroupDirectories, removeCgroup, removeDirectory } from '../peers/tools/scrub.js';

/** Where peers keep what they make. */
export interface PeerPlaces {
  /** One directory for each peer's configuration below it. */
  readonly directory: string;
  /** Prefix of their cgroups' names. */
  readonly name: string;
}

/** Name of a peer's directory in one of its configurations, and the end of its cgroup's name. */
export function peerPlace(peer: string, variant: PeerVariant): string {
  return `${peer}-${variant}`;
}

/** Name of the one cgroup, in every hierarchy, that all processes of a peer's configuration are in. */
export function peerCgroup(name: string, place: string): string {
  return `${name}-${place}`.replace(/^\//, '');
}

/** Removes what peers left, whatever state they were in: processes by cgroup, cgroups, mounts, files. */
export async function cleanPeers({ directory, name }: PeerPlaces): Promise<void> {
  const places = existsSync(directory) ? readdirSync(directory) : [];
  for (const place of ['raw', ...places]) {
    const group = peerCgroup(name, place);
    if (cgroupDirectories(group).length > 0) await removeCgroup(group);
  }
  await removeDirectory(directory);
}
