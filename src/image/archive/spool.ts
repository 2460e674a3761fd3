import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { join, posix } from 'node:path';
import { WarrenError } from '../../base/errors.js';
import { readTar } from '../../base/tar/tar-reader.js';

/** A member of an archive, laid aside. */
export interface SpooledFile {
  readonly file: string;
  readonly size: number;
  /** Of its content. */
  readonly digest: string;
}

/** The files of an archive by name. Names only find things in it; nothing on disk is called so. */
export class SpooledArchive {
  private readonly files = new Map<string, SpooledFile>();
  private readonly links = new Map<string, string>();

  /** Symbolic links (Docker makes them for layers that several images have) are followed inside the archive. */
  find(name: string): SpooledFile | null {
    let path = clean(name);
    for (let followed = 0; followed < 8; followed += 1) {
      const target = this.links.get(path);
      if (target === undefined) return this.files.get(path) ?? null;
      path = clean(posix.join(posix.dirname(path), target));
    }
    return null;
  }

  /** @throws WarrenError corrupt (INVALID_ARCHIVE) */
  require(name: string): SpooledFile {
    const found = this.find(name);
    if (found !== null) return found;
    throw new WarrenError(
      'corrupt',
      'INVALID_ARCHIVE',
      `Cannot load the archive: ${JSON.stringify(name.slice(0, 200))} is not in it`,
    );
  }

  addFile(name: string, file: SpooledFile): void {
    this.files.set(clean(name), file);
    this.links.delete(clean(name));
  }

  addLink(name: string, target: string): void {
    this.links.set(clean(name), target);
    this.files.delete(clean(name));
  }
}

/** Images have tens of files, an attacker's archive as many as it likes. */
const maximumMembers = 20_000;

/**
 * Lays the files of an image archive aside, in the empty directory `temporary`: what they mean is said by one that may come last.
 * @throws WarrenError corrupt
 */
export async function spoolArchive(
  source: AsyncIterable<Buffer>,
  temporary: string,
  signal?: AbortSignal,
): Promise<SpooledArchive> {
  const archive = new SpooledArchive();
  let count = 0;
  for await (const member of readTar(source)) {
    signal?.throwIfAborted();
    count += 1;
    if (count > maximumMembers) {
      throw new WarrenError(
        'corrupt',
        'INVALID_ARCHIVE',
        `Cannot load the archive: it has more than ${maximumMembers} members`,
      );
    }
    const name = Buffer.from(member.path, 'latin1').toString('utf8');
    if (member.type === 'symlink' || member.type === 'link') {
      const target = Buffer.from(member.linkName, 'latin1').toString('utf8');
      archive.addLink(name, member.type === 'link' ? `/${target}` : target);
    } else if (member.type === 'file') {
      const path = join(temporary, `member-${count}`);
      archive.addFile(name, await spoolFile(member.content, path));
    }
  }
  return archive;
}

async function spoolFile(content: AsyncIterable<Buffer>, file: string): Promise<SpooledFile> {
  const hash = createHash('sha256');
  const handle = await open(file, 'wx', 0o600);
  let size = 0;
  try {
    for await (const chunk of content) {
      for (let at = 0; at < chunk.length;) at += (await handle.write(chunk, at)).bytesWritten;
      hash.update(chunk);
      size += chunk.length;
    }
  } finally {
    await handle.close();
  }
  return { file, size, digest: `sha256:${hash.digest('hex')}` };
}

/** `./a//b`, `/a/b` and `a/b` are one name; nothing leads above the archive. */
function clean(name: string): string {
  return posix.normalize(`/${name}`).slice(1);
}
