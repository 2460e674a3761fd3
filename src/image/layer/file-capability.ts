/** `struct vfs_ns_cap_data` of linux/capability.h: a word of magic, two pairs of masks, and in version 3 an id. */
const revisionMask = 0xff000000;
const revision2 = 0x02000000;
const revision3 = 0x03000000;
const sizeOfRevision2 = 20;

/**
 * A file capability as images carry it. In a container the kernel notes for whose user namespace the capability holds; in a
 * layer, whose ids are 0-based, that is said by the layer's mapping instead.
 */
export function plainCapability(value: Buffer): Buffer {
  if (value.length < sizeOfRevision2) return value;
  const magic = value.readUInt32LE(0);
  if ((magic & revisionMask) >>> 0 !== revision3) return value;
  const plain = Buffer.from(value.subarray(0, sizeOfRevision2));
  plain.writeUInt32LE(((magic & ~revisionMask) | revision2) >>> 0, 0);
  return plain;
}
