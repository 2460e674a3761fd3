/** The router marks each packet with the network it comes from, and with what its container may do. */

/** The network lets nobody out. */
export const internalMark = 0x4000_0000;

/** The container's packets go through its egress rules. */
export const restrictedMark = 0x8000_0000;

export function hexMark(mark: number): string {
  return `0x${(mark >>> 0).toString(16).padStart(8, '0')}`;
}
