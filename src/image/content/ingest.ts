import { createHash, type Hash } from 'node:crypto';
import { createReadStream, statSync } from 'node:fs';
import { open, rm, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Readable } from 'node:stream';
import { canceledError } from '../../base/abort.js';
import { diskFull, isDiskFull } from '../../base/disk-full.js';
import { WarrenError } from '../../base/errors.js';
import { lockAcrossProcesses } from '../../host/process-lock.js';
import type { OciDescriptor } from '../oci.js';
import type { StoreParts } from '../store/store-parts.js';

/** Gives a blob's bytes from `offset` on, or from the start when it cannot: it says which. */
export type OpenBlob = (
  offset: number,
) => Promise<{ readonly body: Readable; readonly offset: number }>;

export interface IngestOptions {
  /** What is being done, for messages: `pull busybox:latest`. */
  readonly what: string;
  /** True for an error of the body after which the rest is worth another try. */
  readonly isPassing: (error: unknown) => boolean;
  readonly onBytes?: (done: number) => void;
  /** Somebody else fetches it. */
  readonly onWait?: () => void;
  readonly signal?: AbortSignal;
}

const maximumTries = 5;
const firstPauseMs = 250;

/**
 * Brings a blob into the store, once for all processes that want it: who comes second waits. What an earlier try
 * left is gone on with. The digest is verified before the blob gets its place. The caller holds a lease on it.
 * @returns 'exists' when it was there
 * @throws WarrenError corrupt (DIGEST_MISMATCH, SIZE_MISMATCH), exhausted (NO_SPACE), and those of `openBlob`
 */
export async function ingestBlob(
  parts: StoreParts,
  blob: OciDescriptor,
  options: IngestOptions & { readonly openBlob: OpenBlob },
): Promise<'exists' | 'fetched'> {
  if (parts.layout.has(blob.digest)) return 'exists';
  const { signal, onWait } = options;
  await using _blob = await lockAcrossProcesses(parts.directory, `blob:${blob.digest}`, {
    ...(signal === undefined ? {} : { signal }),
    ...(onWait === undefined ? {} : { onWait }),
  });
  if (parts.layout.has(blob.digest)) return 'exists';
  const path = join(parts.ingestDirectory, blob.digest.slice('sha256:'.length));
  const file = await open(path, 'a+', 0o600);
  try {
    const hash = await fetchRest(file, blob, { ...options, path });
    await requireDigest(hash, blob, { what: options.what, path });
    await file.sync();
  } catch (error) {
    throw isDiskFull(error) ? diskFull(options.what, path, error) : error;
  } finally {
    await file.close();
  }
  parts.layout.adoptBlob(path, blob.digest);
  return 'fetched';
}

type FetchOptions = IngestOptions & { readonly openBlob: OpenBlob; readonly path: string };

/** Fetches what is missing, again and again while the connection breaks but each try brings something. */
async function fetchRest(
  file: FileHandle,
  blob: OciDescriptor,
  options: FetchOptions,
): Promise<Hash> {
  let state = await stateOf(file, blob, options.path);
  for (let failures = 0; state.done < blob.size;) {
    const before = state.done;
    try {
      const { body, offset } = await options.openBlob(state.done);
      if (offset !== state.done) state = await startAgain(file);
      await append(file, body, { state, blob, options });
    } catch (error) {
      if (options.signal?.aborted === true) throw canceledError(options.what, options.signal);
      failures = state.done > before ? 1 : failures + 1;
      if (!options.isPassing(error) || failures >= maximumTries) throw error;
      await delay(firstPauseMs * 2 ** (failures - 1), undefined, {
        ...(options.signal === undefined ? {} : { signal: options.signal }),
      });
    }
  }
  return state.hash;
}

interface State {
  done: number;
  hash: Hash;
}

/** What is there from an earlier try, hashed; nothing when it is too much. */
async function stateOf(file: FileHandle, blob: OciDescriptor, path: string): Promise<State> {
  const { size } = statSync(path);
  if (size > blob.size) return await startAgain(file);
  const hash = createHash('sha256');
  if (size > 0) {
    for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) hash.update(chunk);
  }
  return { done: size, hash };
}

async function startAgain(file: FileHandle): Promise<State> {
  await file.truncate(0);
  return { done: 0, hash: createHash('sha256') };
}

async function append(
  file: FileHandle,
  body: Readable,
  {
    state,
    blob,
    options,
  }: { readonly state: State; readonly blob: OciDescriptor; readonly options: FetchOptions },
): Promise<void> {
  for await (const chunk of body as AsyncIterable<Buffer>) {
    if (state.done + chunk.length > blob.size) {
      await rm(options.path, { force: true });
      throw new WarrenError(
        'corrupt',
        'SIZE_MISMATCH',
        `Cannot ${options.what}: blob ${blob.digest} is larger than the ${blob.size} bytes that its manifest says`,
      );
    }
    for (let at = 0; at < chunk.length;) {
      at += (await file.write(chunk, at)).bytesWritten;
    }
    state.hash.update(chunk);
    state.done += chunk.length;
    options.onBytes?.(state.done);
  }
  if (state.done === blob.size) return;
  // An end without an error: whoever serves this cut it, and would do so again.
  throw new WarrenError(
    'corrupt',
    'SIZE_MISMATCH',
    `Cannot ${options.what}: blob ${blob.digest} ends after ${state.done} of ${blob.size} bytes`,
  );
}

async function requireDigest(
  hash: Hash,
  blob: OciDescriptor,
  { what, path }: { readonly what: string; readonly path: string },
): Promise<void> {
  const digest = `sha256:${hash.digest('hex')}`;
  if (digest === blob.digest) return;
  await rm(path);
  throw new WarrenError(
    'corrupt',
    'DIGEST_MISMATCH',
    `Cannot ${what}: a blob that should have digest ${blob.digest} has ${digest}`,
    { hint: 'Try again; if it stays so, do not trust where it comes from' },
  );
}
