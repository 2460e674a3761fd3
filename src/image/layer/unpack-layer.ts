import { WarrenError } from '../../base/errors.js';
import type { ByteString, TarEntry } from '../../base/tar/tar-header.js';
import { readTar, type TarMember } from '../../base/tar/tar-reader.js';
import { nativeProgramPath } from '../../host/native-path.js';
import type { Host } from '../../host/port.js';
import { diskFullStatus } from '../../host/tree/apply-records.js';
import { directoryTimeRecord, entryRecord, xattrRecord } from '../../host/tree/records.js';
import { componentsOf, hostile, isLayerAttribute, layerName } from './layer-names.js';
import { defaultLayerLimits, tooLarge, type LayerLimits } from './limits.js';

/** Overlay's mark for a name that hides what is below: a character device 0:0. */
const whiteout = {
  type: 'character-device',
  mode: 0,
  uid: 0,
  gid: 0,
  size: 0,
  mtimeSeconds: 0,
} as const;
const plainDirectory = { ...whiteout, type: 'directory', mode: 0o755 } as const;
/** Records are joined to pieces of at least this size: each piece is a system call. */
const pieceSize = 1 << 17;
const largestId = 0xffff_fffe;

export interface UnpackOptions {
  readonly host: Pick<Host, 'run'>;
  /** @default {@link defaultLayerLimits} */
  readonly limits?: LayerLimits;
  readonly signal?: AbortSignal;
}

export interface UnpackResult {
  /** Bytes of the content of all files. */
  readonly sizeBytes: number;
  /** Device nodes of the layer, which are left out: a container gets its devices from its config. */
  readonly skippedDevices: number;
}

/**
 * Unpacks a layer into an empty directory that nobody else uses, with the archive's ids as they are (0-based), whiteouts turned
 * into overlay's. The archive is hostile: it is read here, and `warren-files` makes what it lists, one process that the
 * kernel keeps beneath the directory: a name that leads out by `..` or a link ends the work.
 * Throws corrupt (ARCHIVE_…, LAYER_NOT_UNPACKED), exhausted (LAYER_TOO_LARGE, NO_SPACE).
 */
export async function unpackLayer(
  tar: AsyncIterable<Buffer>,
  directory: string,
  { host, limits = defaultLayerLimits, signal }: UnpackOptions,
): Promise<UnpackResult> {
  const list = new LayerRecords(limits);
  const result = await host.run(nativeProgramPath('warren-files'), ['unpack', directory], {
    input: list.records(tar),
    ...(signal === undefined ? {} : { signal }),
  });
  if (result.code === 0) return list.result;
  throw unpackFailed(result);
}

/** Turns the members of an archive into records of what to make. */
class LayerRecords {
  private readonly limits: LayerLimits;
  /** Making what is in a directory changes its time: it is set at the end. */
  private readonly directories = new Map<ByteString, TarEntry>();
  private readonly opaque: ByteString[] = [];
  private readonly whiteouts: ByteString[] = [];
  private readonly pieces = new Pieces();
  private entries = 0;
  private sizeBytes = 0;
  private skippedDevices = 0;

  constructor(limits: LayerLimits) {
    this.limits = limits;
  }

  get result(): UnpackResult {
    return { sizeBytes: this.sizeBytes, skippedDevices: this.skippedDevices };
  }

  /** Joined to pieces: what waits is small, and a promise for each record would cost more than making the file. */
  async *records(tar: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    for await (const member of readTar(bounded(tar, this.limits))) {
      this.entries += 1;
      if (this.entries > this.limits.entries) throw tooLarge('entries', this.limits.entries);
      const entry = this.entryOf(member);
      if (entry === null) continue;
      this.head(entry, member);
      if (entry.type === 'file') {
        const content = member.ready();
        if (content !== null) this.pieces.add(content);
        else for await (const part of member.content) yield* this.pieces.with(part);
      }
      this.attributes(entry, member);
      yield* this.pieces.full();
    }
    for (const record of this.marks()) yield* this.pieces.with(record);
    yield* this.pieces.rest();
  }

  /** What to make; null when a member stands for something else, or for nothing. */
  private entryOf(member: TarMember): TarEntry | null {
    const name = layerName(member.path);
    switch (name.kind) {
      case 'root':
        return member.type === 'directory' ? this.checked(member, '.') : null;
      case 'opaque':
        this.opaque.push(name.path);
        return null;
      case 'whiteout':
        this.whiteouts.push(name.path);
        return null;
      case 'ignored':
        return null;
      case 'entry':
        return this.checked(member, name.path);
    }
  }

  private checked(member: TarMember, path: ByteString): TarEntry | null {
    if (member.type === 'character-device' || member.type === 'block-device') {
      if (member.type === 'character-device' && member.major === 0 && member.minor === 0)
        throw hostile(path, 'it is a mark of overlay');
      this.skippedDevices += 1;
      return null;
    }
    const { type, mode, uid, gid, size, mtimeSeconds, mtimeNanoseconds, major, minor } = member;
    const linkName = type === 'link' ? componentsOf(member.linkName).join('/') : member.linkName;
    const named = { path, type, mode, uid, gid, size, linkName, major, minor };
    const entry = { ...named, mtimeSeconds, mtimeNanoseconds };
    this.check(entry);
    return entry;
  }

  private head(entry: TarEntry, { sparse }: TarMember): void {
    this.pieces.add(entryRecord(entry, { holes: sparse }));
    if (entry.type === 'directory') this.directories.set(entry.path, entry);
    else this.directories.delete(entry.path);
    if (entry.type === 'file') this.countContent(entry);
  }

  private attributes({ type, path }: TarEntry, { xattrs }: TarMember): void {
    if (type === 'link') return;
    for (const [key, value] of xattrs) {
      if (!isLayerAttribute(key)) continue;
      this.pieces.add(xattrRecord(path, key, value.length));
      this.pieces.add(value);
    }
  }

  /** What comes when all members are there. */
  private *marks(): Generator<Buffer> {
    for (const path of this.opaque) {
      yield entryRecord({ ...plainDirectory, path }, { unlessPresent: true });
      yield xattrRecord(path, 'trusted.overlay.opaque', 1);
      yield Buffer.from('y');
    }
    // A name that the layer brings itself is not hidden by its own whiteout.
    for (const path of this.whiteouts) {
      yield entryRecord({ ...whiteout, path }, { unlessPresent: true });
    }
    for (const directory of this.directories.values()) yield directoryTimeRecord(directory);
  }

  private countContent({ size }: TarEntry): void {
    this.sizeBytes += size;
    if (this.sizeBytes > this.limits.bytes) throw tooLarge('bytes', this.limits.bytes);
  }

  private check({ path, uid, gid, linkName }: TarEntry): void {
    const validId = (id: number): boolean => Number.isInteger(id) && id >= 0 && id <= largestId;
    if (!validId(uid) || !validId(gid)) throw hostile(path, `it belongs to ${uid}:${gid}`);
    if (path.length >= 4096 || (linkName ?? '').length >= 4096)
      throw hostile(path, 'its name is too long');
    if (linkName?.includes('\0') === true) throw hostile(path, 'its target is no path');
  }
}

/** The archive, as long as it stays within the limit: what it is made of is counted, whatever it claims. */
async function* bounded(tar: AsyncIterable<Buffer>, limits: LayerLimits): AsyncGenerator<Buffer> {
  let bytes = 0;
  for await (const chunk of tar) {
    bytes += chunk.length;
    if (bytes > limits.bytes) throw tooLarge('bytes', limits.bytes);
    yield chunk;
  }
}

/** Joins small buffers. */
class Pieces {
  private waiting: Buffer[] = [];
  private size = 0;

  add(buffer: Buffer): void {
    this.waiting.push(buffer);
    this.size += buffer.length;
  }

  /** Adds it; gives what is worth a system call. */
  with(buffer: Buffer): Iterable<Buffer> {
    if (buffer.length >= pieceSize) return [...this.rest(), buffer];
    this.add(buffer);
    return this.full();
  }

  full(): Iterable<Buffer> {
    return this.size < pieceSize ? [] : this.rest();
  }

  rest(): Iterable<Buffer> {
    const { waiting, size } = this;
    this.waiting = [];
    this.size = 0;
    return size === 0 ? [] : [Buffer.concat(waiting, size)];
  }
}

const leadsOutside = 3;

function unpackFailed({
  code,
  stderr,
}: {
  readonly code: number | null;
  readonly stderr: string;
}): WarrenError {
  const said = stderr.trim().replace(/^warren-files: cannot /, '');
  const shown = JSON.stringify(said.slice(0, 400)).slice(1, -1);
  if (code === leadsOutside) {
    return new WarrenError(
      'corrupt',
      'ARCHIVE_HOSTILE',
      `Cannot unpack layer: cannot ${shown}: a link on the way leads outside`,
    );
  }
  if (code === diskFullStatus) {
    return new WarrenError('exhausted', 'NO_SPACE', `Cannot unpack layer: cannot ${shown}`, {
      hint: 'Free space: warren prune and warren image prune do',
    });
  }
  return new WarrenError(
    'corrupt',
    'LAYER_NOT_UNPACKED',
    `Cannot unpack layer: ${shown === '' ? 'warren-files was killed' : `cannot ${shown}`}`,
  );
}
