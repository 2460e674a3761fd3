import { WarrenError } from '../../base/errors.js';
import type { OnProgress } from '../../model/events.js';
import { repoDigestsAnnotation } from '../add-image.js';
import { repoDigestsOf, type KnownImage } from '../store/catalog.js';
import { mediaTypes, type OciDescriptor } from '../oci.js';
import { parseNamed, parseTag, type NamedReference } from '../reference.js';
import type { RepositoryClient } from '../registry/client.js';
import { drain } from '../registry/connection.js';
import type { Credentials } from '../registry/credentials.js';
import { closeRepositories, type Registries } from '../registry/registries.js';
import { pushScope, uploadBlob } from '../registry/upload.js';
import type { StoreParts } from '../store/store-parts.js';
import { allOrNone } from './all-or-none.js';
import { layerReporter } from './progress.js';

export interface PushRequest {
  /** @default those that `login` kept */
  readonly credentials?: Credentials | undefined;
  readonly onProgress: OnProgress;
  readonly signal?: AbortSignal | undefined;
}

export interface PushResult {
  /** Familiar `name:tag`. */
  readonly reference: string;
  readonly imageId: string;
  /** Of the manifest at the registry. */
  readonly digest: string;
  readonly size: number;
}

const layersAtOnce = 3;

interface Push extends PushRequest {
  readonly parts: StoreParts;
  readonly named: NamedReference;
  readonly image: KnownImage;
  readonly repository: RepositoryClient;
  readonly what: string;
}

/**
 * Gives an image to the registry that its name says. Blobs that the registry has are not sent; those that it has in another repository
 * are mounted from there.
 * @throws WarrenError notFound (IMAGE_NOT_FOUND), permissionDenied, unavailable, invalidArgument, canceled
 */
export async function pushImage(
  parts: StoreParts,
  registries: Registries,
  { reference: text, ...request }: PushRequest & { readonly reference: string },
): Promise<PushResult> {
  const reference = parseTag(text);
  const named = parseNamed(reference);
  const what = `push ${reference}`;
  const image = parts.catalog.find(reference);
  const [repository, ...others] = await registries.repositories(named, {
    mirrors: false,
    credentials: request.credentials,
  });
  if (repository === undefined || others.length > 0) throw new Error('A registry has one endpoint');
  try {
    const digest = await parts.withLease(what, async (lease) => {
      await lease.hold([
        image.manifest.digest,
        image.id,
        ...image.layers.map((blob) => blob.digest),
      ]);
      return await push({ ...request, parts, named, image, repository, what });
    });
    await noteDigest(parts, reference, `${named.familiarName}@${digest}`);
    return { reference, imageId: image.id, digest, size: image.manifest.size };
  } finally {
    await closeRepositories([repository]);
  }
}

async function push(push: Push): Promise<string> {
  const { image, named, repository, what, signal } = push;
  push.onProgress({
    kind: 'step',
    name: 'push',
    detail: `${named.familiarName} to ${repository.host}`,
  });
  // A layer may be in an image twice.
  const blobs = new Map(image.layers.map((blob) => [blob.digest, blob]));
  await allOrNone([...blobs.values()], { limit: layersAtOnce, signal }, (blob, _index, own) =>
    pushBlob({ ...push, signal: own }, blob),
  );
  await pushBlob(push, image.document.config);
  const { mediaType, digest } = image.manifest;
  const content = push.parts.layout.readBlob(digest);
  const response = await repository.connection.expect(
    {
      what,
      ...(signal === undefined ? {} : { signal }),
      method: 'PUT',
      target: `/v2/${repository.path}/manifests/${named.tag ?? 'latest'}`,
      scope: pushScope(repository),
      headers: { 'content-type': mediaType === '' ? mediaTypes.manifest : mediaType },
      body: () => content,
    },
    [200, 201, 202],
  );
  await drain(response.body);
  return digest;
}

async function pushBlob(push: Push, blob: OciDescriptor): Promise<void> {
  const { parts, repository, what, signal } = push;
  const report = layerReporter(push.onProgress, blob);
  const call = { what, ...(signal === undefined ? {} : { signal }) };
  report('waiting');
  if (await repository.hasBlob(blob.digest, call)) {
    report('exists', blob.size);
    return;
  }
  const file = parts.layout.blobPath(blob.digest);
  if (!parts.layout.has(blob.digest)) {
    throw new WarrenError(
      'corrupt',
      'BLOB_MISSING',
      `Cannot ${what}: blob ${blob.digest} is gone`,
      {
        hint: 'Remove the image and pull or build it again',
      },
    );
  }
  const sent = await uploadBlob(
    repository,
    { digest: blob.digest, size: blob.size, file },
    {
      ...call,
      mountFrom: otherRepository(push, blob.digest),
      onBytes: (done) => report('uploading', done),
    },
  );
  report(sent === 'mounted' ? 'mounted' : 'pushed', blob.size);
}

/** Another repository of the same registry that has this blob, as far as the store knows. */
function otherRepository({ parts, named }: Push, digest: string): string | null {
  for (const image of parts.catalog.list()) {
    const has = image.id === digest || image.layers.some((blob) => blob.digest === digest);
    if (!has) continue;
    for (const repoDigest of parts.catalog.entriesOf(image.id).flatMap(repoDigestsOf)) {
      const other = parseNamed(repoDigest);
      if (other.domain === named.domain && other.path !== named.path) return other.path;
    }
  }
  return null;
}

/** From now on the image is known under what the registry calls it. */
async function noteDigest(parts: StoreParts, reference: string, repoDigest: string): Promise<void> {
  const { catalog, layout } = parts;
  await using _lock = await parts.lockIndex();
  const known = catalog.find(reference);
  if (!repoDigest.endsWith(known.manifest.digest)) return;
  const extra = repoDigestsAnnotation([repoDigest]);
  layout.writeIndex(catalog.manifestsWith(reference, known.manifest, { extra }));
}
