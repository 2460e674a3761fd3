import { WarrenError } from '../../base/errors.js';
import type { ByteString, TarEntry } from '../../base/tar-header.js';
import { readTar, type TarMember } from '../../base/tar-reader.js';
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
/** Small records are joined to pieces of this size: each piece is a system call. */
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
    input: joined(list.records(tar)),
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
  private entries = 0;
  private sizeBytes = 0;
  private skippedDevices = 0;

  constructor(limits: LayerLimits) {
    this.limits = limits;
  }

  get result(): UnpackResult {
    return { sizeBytes: this.sizeBytes, skippedDevices: this.skippedDevices };
  }

  async *records(tar: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    for await (const member of readTar(bounded(tar, this.limits))) {
      this.entries += 1;
      if (this.entries > this.limits.entries) throw tooLarge('entries', this.limits.entries);
      yield* this.member(member);
    }
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

  private async *member(member: TarMember): AsyncGenerator<Buffer> {
    const name = layerName(member.path);
    switch (name.kind) {
      case 'root':
        if (member.type === 'directory') yield* this.entry(member, '.');
        return;
      case 'opaque':
        this.opaque.push(name.path);
        return;
      case 'whiteout':
        this.whiteouts.push(name.path);
        return;
      case 'ignored':
        return;
      case 'entry':
        yield* this.entry(member, name.path);
    }
  }

  private async *entry(member: TarMember, path: ByteString): AsyncGenerator<Buffer> {
    if (member.type === 'character-device' || member.type === 'block-device') {
      if (member.type === 'character-device' && member.major === 0 && member.minor === 0)
        throw hostile(path, 'it is a mark of overlay');
      this.skippedDevices += 1;
      return;
    }
    const linkName =
      member.type === 'link' ? componentsOf(member.linkName).join('/') : member.linkName;
    const entry = { ...member, path, linkName };
    this.check(entry);
    yield entryRecord(entry, { holes: member.sparse });
    if (member.type === 'directory') this.directories.set(path, entry);
    else this.directories.delete(path);
    if (member.type === 'file') {
      this.countContent(member);
      yield* member.content;
    }
    if (member.type === 'link') return;
    for (const [key, value] of member.xattrs) {
      if (!isLayerAttribute(key)) continue;
      yield xattrRecord(path, key, value.length);
      yield value;
    }
  }

  private countContent({ size }: TarMember): void {
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

/** Joins small pieces. */
async function* joined(pieces: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let waiting: Buffer[] = [];
  let size = 0;
  for await (const piece of pieces) {
    waiting.push(piece);
    size += piece.length;
    if (size < pieceSize) continue;
    yield waiting.length === 1 ? piece : Buffer.concat(waiting, size);
    waiting = [];
    size = 0;
  }
  if (size > 0) yield Buffer.concat(waiting, size);
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
