const first = 0x0100_0000;
const most = 65_000;

export const idCount = 65_536;

/** First host id of a container's own range. */
export function idBase(index: number): number {
  return first + (index % most) * idCount;
}
