/** The root file system as the archive that a kernel unpacks for itself: cpio in the "newc" format. */
import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';

const directoryMode = 0o040_755;
const linkMode = 0o120_777;
const programMode = 0o100_755;
const trailer = 'TRAILER!!!';

interface Entry {
  readonly name: string;
  readonly mode: number;
  readonly data: Buffer;
}

/** Everything in a tree, and symbolic links beside. */
export function initramfsOf(root: string, links: Readonly<Record<string, string>>): Buffer {
  const added = Object.entries(links).map(([name, target]) => linkEntry(name, target));
  const entries = [...entriesBelow(root, ''), ...added, { ...nothing, name: trailer, mode: 0 }];
  return Buffer.concat(entries.map((entry, index) => record(entry, index)));
}

const nothing = { data: Buffer.alloc(0) };

function linkEntry(name: string, target: string): Entry {
  return { name, mode: linkMode, data: Buffer.from(target) };
}

function entriesBelow(root: string, directory: string): Entry[] {
  return readdirSync(join(root, directory)).flatMap((child) => {
    const name = join(directory, child);
    const path = join(root, name);
    const status = lstatSync(path);
    if (status.isDirectory())
      return [{ ...nothing, name, mode: directoryMode }, ...entriesBelow(root, name)];
    if (status.isSymbolicLink()) return [linkEntry(name, readlinkSync(path))];
    return [{ name, mode: programMode, data: readFileSync(path) }];
  });
}

/** Thirteen numbers of eight hexadecimal digits, the name, the data; both padded to four bytes. */
function record({ name, mode, data }: Entry, inode: number): Buffer {
  const links = 1;
  const nameSize = Buffer.byteLength(name) + 1;
  const fields = [inode, mode, 0, 0, links, 0, data.length, 0, 0, 0, 0, nameSize, 0];
  const digits = fields.map((field) => field.toString(16).padStart(8, '0')).join('');
  return Buffer.concat([padded(Buffer.from(`070701${digits}${name}\0`)), padded(data)]);
}

function padded(data: Buffer): Buffer {
  return Buffer.concat([data, Buffer.alloc((4 - (data.length % 4)) % 4)]);
}
