import { createReadStream } from 'node:fs';
import { isWarrenError, WarrenError } from '../../base/errors.js';
import type { RepositoryClient, CallOptions } from './client.js';
import { drain, type RegistryResponse } from './connection.js';

/** A finished blob on disk. */
export interface BlobFile {
  readonly digest: string;
  readonly size: number;
  readonly file: string;
}

export interface UploadOptions extends CallOptions {
  /** Another repository of this registry that may have the blob. */
  readonly mountFrom?: string | null;
  /** Bytes that the registry has. */
  readonly onBytes?: (done: number) => void;
}

/** Of one request: what a lost connection costs at most. */
const chunkBytes = 16 * 1024 * 1024;
const maximumFailuresInRow = 4;

/**
 * Gives a blob to a repository: in chunks, and from where the registry says it is when one of them failed; from the start when it
 * has lost the upload.
 * @throws WarrenError unavailable, permissionDenied, invalidArgument (REGISTRY_REFUSED)
 */
export async function uploadBlob(
  repository: RepositoryClient,
  blob: BlobFile,
  options: UploadOptions,
): Promise<'mounted' | 'uploaded'> {
  const started = await start(repository, blob.digest, options);
  if (started.status === 201) return 'mounted';
  const upload = new Upload(repository, blob, options);
  await upload.run(locationOf(started));
  return 'uploaded';
}

async function start(
  repository: RepositoryClient,
  digest: string,
  options: UploadOptions,
): Promise<RegistryResponse> {
  const { mountFrom = null } = options;
  const query =
    mountFrom === null
      ? ''
      : `?mount=${encodeURIComponent(digest)}&from=${encodeURIComponent(mountFrom)}`;
  const from = mountFrom === null ? '' : ` repository:${mountFrom}:pull`;
  const response = await repository.connection.expect(
    {
      what: options.what,
      ...(options.signal === undefined ? {} : { signal: options.signal }),
      method: 'POST',
      target: `/v2/${repository.path}/blobs/uploads/${query}`,
      scope: `${pushScope(repository)}${from}`,
      headers: { 'content-length': '0' },
    },
    [201, 202],
  );
  await drain(response.body);
  return response;
}

export function pushScope(repository: RepositoryClient): string {
  return `repository:${repository.path}:pull,push`;
}

class Upload {
  private readonly repository: RepositoryClient;
  private readonly blob: BlobFile;
  private readonly options: UploadOptions;
  private done = 0;

  constructor(repository: RepositoryClient, blob: BlobFile, options: UploadOptions) {
    this.repository = repository;
    this.blob = blob;
    this.options = options;
  }

  async run(firstLocation: string): Promise<void> {
    let location = firstLocation;
    let failures = 0;
    while (this.done < this.blob.size) {
      try {
        location = await this.chunk(location);
        failures = 0;
      } catch (error) {
        failures += 1;
        if (!mayGoOn(error) || failures > maximumFailuresInRow) throw error;
        location = await this.goOn(location);
      }
      this.options.onBytes?.(this.done);
    }
    const end = new URL(location);
    end.searchParams.set('digest', this.blob.digest);
    const response = await this.request('PUT', end.href, [201, 204]);
    await drain(response.body);
  }

  private async chunk(location: string): Promise<string> {
    const { file, size } = this.blob;
    const start = this.done;
    const end = Math.min(start + chunkBytes, size) - 1;
    const response = await this.repository.connection.expect(
      {
        ...this.common('PATCH', location),
        // A second try must begin where the registry is, which only it knows.
        retry: false,
        headers: {
          'content-type': 'application/octet-stream',
          'content-length': String(end - start + 1),
          'content-range': `${start}-${end}`,
        },
        body: () => createReadStream(file, { start, end, highWaterMark: 1 << 18 }),
      },
      [202],
    );
    await drain(response.body);
    this.done = end + 1;
    return locationOf(response);
  }

  /** Docker's own registry gives an upload up when a part of a chunk arrived: that one begins anew. */
  private async goOn(location: string): Promise<string> {
    try {
      return await this.whereItIs(location);
    } catch (error) {
      if (!isWarrenError(error, 'notFound') && !isWarrenError(error, 'invalidArgument'))
        throw error;
      this.done = 0;
      const options = { ...this.options, mountFrom: null };
      return locationOf(await start(this.repository, this.blob.digest, options));
    }
  }

  /** Asks the registry how much it has. */
  private async whereItIs(location: string): Promise<string> {
    const response = await this.request('GET', location, [204]);
    await drain(response.body);
    const last = /^(?:bytes=)?0-(\d+)$/.exec(response.header('range') ?? '')?.[1];
    // `0-0` is said of nothing, too: at worst one byte is sent again, and refused, and asked for.
    this.done = last === undefined || last === '0' ? 0 : Number(last) + 1;
    return locationOf(response, location);
  }

  private request(
    method: 'GET' | 'PUT',
    target: string,
    statuses: readonly number[],
  ): Promise<RegistryResponse> {
    const length = method === 'PUT' ? { headers: { 'content-length': '0' } } : {};
    return this.repository.connection.expect(
      { ...this.common(method, target), ...length },
      statuses,
    );
  }

  private common<M extends 'GET' | 'PUT' | 'PATCH'>(
    method: M,
    target: string,
  ): { method: M; target: string; scope: string } & CallOptions {
    const { what, signal } = this.options;
    return {
      what,
      ...(signal === undefined ? {} : { signal }),
      method,
      target,
      scope: pushScope(this.repository),
    };
  }
}

/** The connection broke, or the registry is elsewhere than we thought. */
function mayGoOn(error: unknown): boolean {
  if (!isWarrenError(error)) return false;
  return error.kind === 'unavailable' || error.details?.['status'] === 416;
}

function locationOf(response: RegistryResponse, otherwise?: string): string {
  const location = response.header('location') ?? otherwise;
  if (location !== undefined && URL.canParse(location, response.url.href)) {
    return new URL(location, response.url).href;
  }
  throw new WarrenError(
    'unavailable',
    'REGISTRY_FAILED',
    `Cannot upload to registry ${response.url.host}: it does not say where to`,
  );
}
