import { throwIfAborted } from '../../base/abort.js';
import { isWarrenError, WarrenError } from '../../base/errors.js';
import { Semaphore } from '../../base/limit.js';
import { lockAcrossProcesses } from '../../host/process-lock.js';
import type { OnProgress } from '../../model/events.js';
import { addGivenImage, repoDigestsAnnotation } from '../add-image.js';
import { ingestBlob } from '../content/ingest.js';
import { maximumDocumentBytes, parseImageConfig, parseManifestOrIndex } from '../documents.js';
import { chainIds, type OciDescriptor, type OciManifest, type OciPlatform } from '../oci.js';
import { hostPlatform, isPlatform, platformText, selectPlatform } from '../platform.js';
import { parseNamed, type NamedReference } from '../reference.js';
import type { FetchedManifest, RepositoryClient } from '../registry/client.js';
import { isPassing } from '../registry/connection.js';
import type { Credentials } from '../registry/credentials.js';
import { closeRepositories, type Registries } from '../registry/registries.js';
import type { StoreLease, StoreParts } from '../store/store-parts.js';
import { unpackOnce } from '../unpack-missing.js';
import { allOrNone } from './all-or-none.js';
import { layerReporter } from './progress.js';

export interface PullRequest {
  /** @default the host's */
  readonly platform?: OciPlatform | undefined;
  /** @default those that `login` kept */
  readonly credentials?: Credentials | undefined;
  readonly onProgress: OnProgress;
  readonly signal?: AbortSignal | undefined;
}

export interface PullResult {
  /** Familiar `name:tag`, or `name@sha256:…`. */
  readonly reference: string;
  /** Of what was asked for: the index, where there is one. */
  readonly digest: string;
  /** Digest of the image's manifest. */
  readonly manifest: string;
  readonly status: 'downloaded' | 'upToDate';
}

const layersAtOnce = 3;
const unpackedAtOnce = 2;

interface Pull extends PullRequest {
  readonly parts: StoreParts;
  readonly named: NamedReference;
  readonly reference: string;
  readonly what: string;
}

/**
 * Brings an image of a registry into the store, its layers unpacked. Who asks while another process pulls the same waits for that,
 * and takes its result.
 * @throws WarrenError notFound (REGISTRY_NOT_FOUND, PLATFORM_NOT_FOUND), permissionDenied, exhausted, unavailable, corrupt,
 * unsupported, canceled
 */
export async function pullImage(
  parts: StoreParts,
  registries: Registries,
  { reference: text, ...request }: PullRequest & { readonly reference: string },
): Promise<PullResult> {
  const named = parseNamed(text);
  const { familiarName, tag, digest } = named;
  const reference =
    digest === null ? `${familiarName}:${tag ?? 'latest'}` : `${familiarName}@${digest}`;
  const what = `pull ${reference}`;
  const pull: Pull = { ...request, parts, named, reference, what };
  const askedAtMs = Date.now();
  const platform = platformText(request.platform ?? hostPlatform());
  await using _pull = await lockAcrossProcesses(parts.directory, `pull:${reference}:${platform}`, {
    ...(request.signal === undefined ? {} : { signal: request.signal }),
    onWait: () =>
      request.onProgress({ kind: 'step', name: 'wait', detail: `another pull of ${reference}` }),
  });
  throwIfAborted(request.signal, what);
  const done = doneMeanwhile(pull, askedAtMs);
  if (done !== null) return done;
  const repositories = await registries.repositories(named, {
    mirrors: true,
    credentials: request.credentials,
  });
  try {
    return await fromFirst(repositories, pull);
  } finally {
    await closeRepositories(repositories);
  }
}

/** What another process has pulled since we asked. */
function doneMeanwhile(pull: Pull, askedAtMs: number): PullResult | null {
  const entry = pull.parts.catalog.pulledSince(pull.reference, askedAtMs);
  if (entry === null) return null;
  const { image, repoDigests } = entry;
  if (!isPlatform(image.source, pull.platform ?? hostPlatform())) return null;
  const own = `${pull.named.familiarName}@`;
  const digest = repoDigests.find((each) => each.startsWith(own))?.slice(own.length);
  if (digest === undefined) return null;
  const { reference } = pull;
  return { reference, digest, manifest: image.manifest.digest, status: 'upToDate' };
}

/** Mirrors that do not have it, or cannot be reached, are passed over. */
async function fromFirst(
  repositories: readonly RepositoryClient[],
  pull: Pull,
): Promise<PullResult> {
  for (const [index, repository] of repositories.entries()) {
    try {
      return await fromRepository(repository, pull);
    } catch (error) {
      if (index === repositories.length - 1 || !isWarrenError(error)) throw error;
      if (error.kind === 'canceled' || error.kind === 'exhausted') throw error;
      pull.onProgress({
        kind: 'warning',
        message: `${error.message}; going on without this mirror`,
      });
    }
  }
  throw new Error('A registry has an endpoint');
}

async function fromRepository(repository: RepositoryClient, pull: Pull): Promise<PullResult> {
  const { named, parts, reference, what } = pull;
  const call = { what, ...signalOf(pull) };
  pull.onProgress({ kind: 'step', name: 'pull', detail: `${reference} from ${repository.host}` });
  const asked = await repository.manifest(named.digest ?? named.tag ?? 'latest', call);
  const fetched = await chosenManifest(repository, asked, pull);
  return await parts.withLease(what, async (lease) => {
    const status = await fetchContent(repository, fetched, { pull, lease });
    const repoDigests = [`${named.familiarName}@${asked.digest}`];
    await addGivenImage(parts, {
      manifest: { mediaType: fetched.mediaType, content: fetched.content },
      layers: fetched.manifest.layers.map((blob) => ({ blob })),
      references: named.digest === null ? [reference] : [],
      annotations: repoDigestsAnnotation(repoDigests),
    });
    return { reference, digest: asked.digest, manifest: fetched.digest, status };
  });
}

interface ChosenManifest extends FetchedManifest {
  readonly manifest: OciManifest;
}

/** The manifest of the wanted platform: what was asked for may be an index. */
async function chosenManifest(
  repository: RepositoryClient,
  asked: FetchedManifest,
  pull: Pull,
): Promise<ChosenManifest> {
  let fetched = asked;
  for (let depth = 0; depth < 2; depth += 1) {
    const parsed = parseManifestOrIndex(fetched.content, fetched.mediaType);
    if ('manifest' in parsed) {
      const { manifest } = parsed;
      return { ...fetched, mediaType: manifest.mediaType ?? fetched.mediaType, manifest };
    }
    const wanted = pull.platform ?? hostPlatform();
    const entry = selectPlatform(parsed.index.manifests, wanted, pull.reference);
    fetched = await repository.manifest(entry.digest, { what: pull.what, ...signalOf(pull) });
  }
  throw new WarrenError(
    'unsupported',
    'MANIFEST_TYPE',
    `Cannot ${pull.what}: its index leads to another index`,
  );
}

interface Fetching {
  readonly pull: Pull;
  readonly lease: StoreLease;
}

async function fetchContent(
  repository: RepositoryClient,
  { manifest }: ChosenManifest,
  { pull, lease }: Fetching,
): Promise<PullResult['status']> {
  const { parts, what } = pull;
  const { config: configBlob, layers } = manifest;
  if (configBlob.size > maximumDocumentBytes) {
    throw new WarrenError(
      'corrupt',
      'INVALID_IMAGE_CONFIG',
      `Cannot ${what}: its config is too large`,
    );
  }
  await lease.hold([configBlob.digest, ...layers.map(({ digest }) => digest)]);
  const got = [await ingestBlob(parts, configBlob, ingestOptions(repository, configBlob, pull))];
  const config = parseImageConfig(parts.layout.readBlob(configBlob.digest));
  const diffIds = config.rootfs.diff_ids;
  if (diffIds.length !== layers.length) {
    throw new WarrenError(
      'corrupt',
      'INVALID_IMAGE_CONFIG',
      `Cannot ${what}: its config has ${diffIds.length} layers, its manifest ${layers.length}`,
    );
  }
  requirePlatform(config, pull);
  const chain = chainIds(diffIds);
  await lease.hold(chain);
  const unpacking = new Semaphore(unpackedAtOnce);
  const options = { limit: layersAtOnce, signal: pull.signal };
  const fetched = await allOrNone(layers, options, async (blob, index, signal) => {
    const report = layerReporter(pull.onProgress, blob);
    const result = await ingestBlob(
      parts,
      blob,
      ingestOptions(repository, blob, { ...pull, signal }),
    );
    report('downloaded', blob.size);
    await unpacking.run(async () => {
      report('unpacking');
      const layer = { blob, diffId: diffIds[index] ?? '', chainId: chain[index] ?? '' };
      await unpackOnce(parts, layer, signal);
    });
    report(result === 'exists' ? 'exists' : 'complete', blob.size);
    return result;
  });
  return [...got, ...fetched].includes('fetched') ? 'downloaded' : 'upToDate';
}

function requirePlatform(has: OciPlatform, pull: Pull): void {
  const wanted = pull.platform ?? hostPlatform();
  if (isPlatform(has, wanted)) return;
  const message = `${pull.reference} is for ${platformText(has)}, this asks for ${platformText(wanted)}`;
  if (pull.platform === undefined) {
    pull.onProgress({ kind: 'warning', message });
    return;
  }
  throw new WarrenError('notFound', 'PLATFORM_NOT_FOUND', `Cannot ${pull.what}: ${message}`);
}

function ingestOptions(
  repository: RepositoryClient,
  blob: OciDescriptor,
  pull: Pull,
): Parameters<typeof ingestBlob>[2] {
  const report = layerReporter(pull.onProgress, blob);
  const call = { what: pull.what, ...signalOf(pull) };
  return {
    ...call,
    isPassing,
    openBlob: async (offset) => {
      const opened = await repository.openBlob(blob.digest, offset, call);
      report('downloading', opened.offset);
      return opened;
    },
    onBytes: (done) => report('downloading', done),
    onWait: () => report('waiting'),
  };
}

function signalOf({ signal }: Pull): { readonly signal?: AbortSignal } {
  return signal === undefined ? {} : { signal };
}
