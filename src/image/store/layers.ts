import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from 'node:fs';
import { createHash, randomBytes, type Hash } from 'node:crypto';
import { join } from 'node:path';
import { WarrenError } from '../../base/errors.js';
import type { Host } from '../../host/port.js';
import { decompressed } from '../layer/compression.js';
import { layerLimits, type LayerLimits } from '../layer/limits.js';
import { unpackLayer } from '../layer/unpack-layer.js';

/** A layer to unpack: its chain id says what it is and what lies below it. */
export interface LayerSource {
  readonly chainId: string;
  readonly diffId: string;
  /** The blob; how it is compressed, its first bytes say. */
  readonly file: string;
}

export interface PreparedLayer {
  readonly chainId: string;
  readonly directory: string;
}

interface LayerNote {
  readonly diffId: string;
  readonly sizeBytes: number;
}

/** Unpacked layers: `<data root>/layers/<hex of the chain id>/{fs,layer.json}`, each made once, by renaming. */
export class UnpackedLayers {
  private readonly dataRoot: string;
  private readonly host: Pick<Host, 'run'>;
  private readonly limits: LayerLimits;
  private readonly sizes = new Map<string, number>();

  /** @param limits of each layer; the environment may set others than the defaults */
  constructor(
    dataRoot: string,
    host: Pick<Host, 'run'>,
    limits: LayerLimits = layerLimits(process.env),
  ) {
    this.limits = limits;
    this.dataRoot = dataRoot;
    this.host = host;
  }

  initialize(): void {
    mkdirSync(join(this.dataRoot, 'layers'), { recursive: true, mode: 0o700 });
    mkdirSync(join(this.dataRoot, 'trash'), { recursive: true, mode: 0o700 });
  }

  /** Of a layer's root, relative to the data root. */
  relativePath(chainId: string): string {
    return join('layers', hexOf(chainId), 'fs');
  }

  has(chainId: string): boolean {
    return existsSync(this.notePath(chainId));
  }

  /** Bytes of the files in the layer; 0 when it is not unpacked. */
  size(chainId: string): number {
    const known = this.sizes.get(chainId);
    if (known !== undefined) return known;
    if (!existsSync(this.notePath(chainId))) return 0;
    const note = JSON.parse(readFileSync(this.notePath(chainId), 'utf8')) as LayerNote;
    this.sizes.set(chainId, note.sizeBytes);
    return note.sizeBytes;
  }

  /** Unpacks into `temporary`; {@link adopt} moves the result into its place. */
  async prepare(
    source: LayerSource,
    temporary: string,
    signal?: AbortSignal,
  ): Promise<PreparedLayer> {
    const directory = join(temporary, `layer-${hexOf(source.chainId)}`);
    mkdirSync(join(directory, 'fs'), { recursive: true, mode: 0o755 });
    const hash = createHash('sha256');
    const tar = hashed(decompressed(source.file), hash);
    const { sizeBytes } = await unpackLayer(tar, join(directory, 'fs'), {
      host: this.host,
      limits: this.limits,
      ...(signal === undefined ? {} : { signal }),
    });
    requireDigest(source, `sha256:${hash.digest('hex')}`);
    const note: LayerNote = { diffId: source.diffId, sizeBytes };
    writeFileSync(join(directory, 'layer.json'), JSON.stringify(note), { flush: true });
    return { chainId: source.chainId, directory };
  }

  /** Puts an unpacked layer where it belongs, unless someone was faster. Needs the store's lock. */
  adopt({ chainId, directory }: PreparedLayer): void {
    if (!this.has(chainId)) renameSync(directory, this.directory(chainId));
  }

  /** Chain ids (`sha256:…`) of everything unpacked. */
  list(): readonly string[] {
    return readdirSync(join(this.dataRoot, 'layers')).map((name) => `sha256:${name}`);
  }

  /** Takes a layer away at once. Its space is free when the caller has removed what lies in the trash then. */
  discard(chainId: string): { readonly bytes: number; readonly grave: string } {
    const bytes = this.size(chainId);
    this.sizes.delete(chainId);
    const grave = join(this.dataRoot, 'trash', `layer-${randomBytes(8).toString('hex')}`);
    renameSync(this.directory(chainId), grave);
    return { bytes, grave };
  }

  private directory(chainId: string): string {
    return join(this.dataRoot, 'layers', hexOf(chainId));
  }

  private notePath(chainId: string): string {
    return join(this.directory(chainId), 'layer.json');
  }
}

function hexOf(chainId: string): string {
  const hex = /^sha256:([0-9a-f]{64})$/.exec(chainId)?.[1];
  if (hex === undefined) {
    throw new WarrenError(
      'corrupt',
      'INVALID_DIGEST',
      `Cannot use layer ${JSON.stringify(chainId)}`,
    );
  }
  return hex;
}

async function* hashed(chunks: AsyncIterable<Buffer>, hash: Hash): AsyncGenerator<Buffer> {
  for await (const chunk of chunks) {
    hash.update(chunk);
    yield chunk;
  }
}

function requireDigest({ diffId, chainId }: LayerSource, found: string): void {
  if (diffId === found) return;
  throw new WarrenError(
    'corrupt',
    'LAYER_DIGEST',
    `Cannot unpack layer ${chainId}: its content has the digest ${found}, the image says ${diffId}`,
    { hint: 'Remove the image and get it again' },
  );
}
