import type { Readable } from 'node:stream';
import { WarrenError } from '../../base/errors.js';
import { maximumDocumentBytes } from '../documents.js';
import { digestOf, mediaTypes } from '../oci.js';
import type { RegistryConnection } from './connection.js';
import { drain, readLimited, type RegistryRequest } from './connection.js';
import { refusalError } from './failure.js';

export interface FetchedManifest {
  readonly mediaType: string;
  readonly content: Buffer;
  readonly digest: string;
}

export interface OpenedBlob {
  readonly body: Readable;
  /** From which byte on; 0 when the registry gives no parts. */
  readonly offset: number;
}

const manifestTypes = [
  mediaTypes.index,
  mediaTypes.dockerIndex,
  mediaTypes.manifest,
  mediaTypes.dockerManifest,
].join(', ');

export type CallOptions = Pick<RegistryRequest, 'what' | 'signal'>;

/** One repository of a registry, over the distribution API. */
export class RepositoryClient {
  readonly path: string;
  readonly connection: RegistryConnection;
  private readonly pullScope: string;

  constructor(connection: RegistryConnection, path: string) {
    this.connection = connection;
    this.path = path;
    this.pullScope = `repository:${path}:pull`;
  }

  get host(): string {
    return this.connection.endpoint.host;
  }

  /**
   * By tag or digest; what comes by digest has it.
   * @throws WarrenError notFound, permissionDenied, corrupt (DIGEST_MISMATCH), exhausted, unavailable
   */
  async manifest(reference: string, options: CallOptions): Promise<FetchedManifest> {
    const response = await this.connection.expect(
      {
        ...options,
        method: 'GET',
        target: `/v2/${this.path}/manifests/${reference}`,
        scope: this.pullScope,
        headers: { accept: manifestTypes },
      },
      [200],
    );
    const content = await readLimited(response.body, maximumDocumentBytes + 1);
    if (content.length > maximumDocumentBytes) throw this.tooLarge(options.what);
    const digest = digestOf(content);
    const claimed = reference.includes(':') ? reference : response.header('docker-content-digest');
    if (claimed?.startsWith('sha256:') === true && claimed !== digest) {
      throw new WarrenError(
        'corrupt',
        'DIGEST_MISMATCH',
        `Cannot ${options.what}: registry ${this.host} gave a manifest with digest ${digest} for ${claimed}`,
        { hint: 'Try again; if it stays so, do not trust this registry' },
      );
    }
    return {
      mediaType: (response.header('content-type') ?? '').split(';')[0] ?? '',
      content,
      digest,
    };
  }

  /** From byte `offset` on where the registry can do that. @throws WarrenError as {@link manifest} */
  async openBlob(digest: string, offset: number, options: CallOptions): Promise<OpenedBlob> {
    const response = await this.connection.expect(
      {
        ...options,
        method: 'GET',
        target: `/v2/${this.path}/blobs/${digest}`,
        scope: this.pullScope,
        headers: offset === 0 ? {} : { range: `bytes=${offset}-` },
      },
      [200, 206, 416],
    );
    if (response.status === 416) {
      await drain(response.body);
      return await this.openBlob(digest, 0, options);
    }
    const start = /^bytes (\d+)-/.exec(response.header('content-range') ?? '')?.[1];
    const given = response.status === 206 ? Number(start ?? offset) : 0;
    if (given === 0 || given === offset) return { body: response.body, offset: given };
    response.body.destroy();
    return await this.openBlob(digest, 0, options);
  }

  async hasBlob(digest: string, options: CallOptions): Promise<boolean> {
    return await this.exists(`blobs/${digest}`, options);
  }

  async hasManifest(digest: string, options: CallOptions): Promise<boolean> {
    return await this.exists(`manifests/${digest}`, options);
  }

  /** All tags, page by page. */
  async tags(options: CallOptions): Promise<readonly string[]> {
    const tags: string[] = [];
    let next: string | null = `/v2/${this.path}/tags/list?n=1000`;
    while (next !== null) {
      const request: RegistryRequest = {
        ...options,
        method: 'GET',
        target: next,
        scope: this.pullScope,
      };
      const response = await this.connection.expect(request, [200]);
      const text = (await readLimited(response.body, maximumDocumentBytes)).toString('utf8');
      const listed = tagsOf(text);
      tags.push(...listed);
      const link = /<([^>]+)>;\s*rel="?next"?/.exec(response.header('link') ?? '')?.[1];
      const url = link === undefined ? null : new URL(link, response.url);
      // A registry that leads elsewhere, or in a circle, gets no more questions.
      const goes = url?.origin === response.url.origin && listed.length > 0;
      next = goes ? `${url.pathname}${url.search}` : null;
    }
    return tags;
  }

  private async exists(target: string, options: CallOptions): Promise<boolean> {
    const request: RegistryRequest = {
      ...options,
      method: 'HEAD',
      target: `/v2/${this.path}/${target}`,
      // Asked in front of a push, whose token is the same.
      scope: `repository:${this.path}:pull,push`,
      headers: { accept: manifestTypes },
    };
    const response = await this.connection.send(request);
    await drain(response.body);
    if (response.status === 200) return true;
    if (response.status === 404) return false;
    throw refusalError(this.connection.attempt(request), { status: response.status, body: '' });
  }

  private tooLarge(what: string): WarrenError {
    return new WarrenError(
      'corrupt',
      'INVALID_MANIFEST',
      `Cannot ${what}: the manifest of registry ${this.host} is larger than ${maximumDocumentBytes} bytes`,
    );
  }
}

function tagsOf(text: string): readonly string[] {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return [];
  }
  const { tags } = (typeof parsed === 'object' && parsed !== null ? parsed : {}) as {
    readonly tags?: unknown;
  };
  return Array.isArray(tags) ? tags.filter((tag) => typeof tag === 'string') : [];
}
