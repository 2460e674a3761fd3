import type { OnProgress } from '../model/events.js';
import { isWarrenError } from '../base/errors.js';
import type { OciPlatform } from './oci.js';
import { hostPlatform, parsePlatform } from './platform.js';
import { defaultDomain, parseNamed } from './reference.js';
import type { Credentials } from './registry/credentials.js';
import { closeRepositories, type LoginResult, Registries } from './registry/registries.js';
import type { StoreParts } from './store-parts.js';
import { pullImage, type PullResult } from './transfer/pull.js';
import { pushImage, type PushResult } from './transfer/push.js';

/** Of every call that moves images. */
export interface TransferOptions {
  readonly onProgress?: OnProgress;
  readonly signal?: AbortSignal;
}

export interface RegistryCallOptions extends TransferOptions {
  /** User and password for this call only. @default those that `login` kept */
  readonly credentials?: { readonly username: string; readonly password: string };
}

export interface PullOptions extends RegistryCallOptions {
  /** `linux/arm64`, for example. @default the host's */
  readonly platform?: string;
}

/** Images on their way between the store and registries. */
export class ImageTransfers {
  private readonly parts: StoreParts;
  private readonly registries: Registries;

  constructor(parts: StoreParts, registries: Registries) {
    this.parts = parts;
    this.registries = registries;
  }

  /** @throws WarrenError see {@link pullImage} */
  async pull(reference: string, options: PullOptions = {}): Promise<PullResult> {
    return await pullImage(this.parts, this.registries, {
      reference,
      ...request(options),
      platform: platformOf(options.platform),
    });
  }

  /** @throws WarrenError see {@link pushImage} */
  async push(reference: string, options: RegistryCallOptions = {}): Promise<PushResult> {
    return await pushImage(this.parts, this.registries, { reference, ...request(options) });
  }

  /** Tags of a repository, as its registry lists them. */
  async remoteTags(name: string, options: RegistryCallOptions = {}): Promise<readonly string[]> {
    const named = parseNamed(name);
    const { credentials, signal } = request(options);
    const repositories = await this.registries.repositories(named, { mirrors: false, credentials });
    try {
      const [repository] = repositories;
      if (repository === undefined) throw new Error('A registry has an endpoint');
      const what = `list the tags of ${named.familiarName}`;
      return await repository.tags({ what, ...(signal === undefined ? {} : { signal }) });
    } finally {
      await closeRepositories(repositories);
    }
  }

  /** Keeps credentials that the registry takes. `server`: host, @default Docker's registry */
  async login(
    server: string | undefined,
    credentials: { readonly username: string; readonly password: string },
    signal?: AbortSignal,
  ): Promise<LoginResult> {
    const login: Credentials = { kind: 'password', ...credentials };
    return await this.registries.login(domainOf(server), login, signal);
  }

  /** False when there were no credentials. */
  async logout(server?: string): Promise<boolean> {
    return await this.registries.logout(domainOf(server));
  }

  /** True when the store has the image for this platform. */
  isPresent(reference: string, platform: string | undefined): boolean {
    const wanted = platformOf(platform) ?? hostPlatform();
    try {
      const { source } = this.parts.catalog.find(reference);
      return platform === undefined || matches(source, wanted);
    } catch (error) {
      if (isWarrenError(error, 'notFound', 'IMAGE_NOT_FOUND')) return false;
      throw error;
    }
  }
}

function matches(has: OciPlatform, wanted: OciPlatform): boolean {
  return has.os === wanted.os && has.architecture === wanted.architecture;
}

function platformOf(text: string | undefined): OciPlatform | undefined {
  return text === undefined ? undefined : parsePlatform(text);
}

/** `https://index.docker.io/v1/`, `docker.io` and nothing: all of them Docker's registry. */
function domainOf(server: string | undefined): string {
  const host = (server ?? '').replace(/^https?:\/\//, '').replace(/\/.*$/, '');
  const own = ['', 'index.docker.io', 'registry-1.docker.io', defaultDomain];
  return own.includes(host) ? defaultDomain : host;
}

function request(options: RegistryCallOptions): {
  readonly onProgress: OnProgress;
  readonly signal: AbortSignal | undefined;
  readonly credentials: Credentials | undefined;
} {
  const { credentials, signal } = options;
  return {
    onProgress: options.onProgress ?? (() => undefined),
    signal,
    credentials: credentials === undefined ? undefined : { kind: 'password', ...credentials },
  };
}
