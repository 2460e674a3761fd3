import type { Host } from '../../host/port.js';
import { RepositoryClient } from './client.js';
import { RegistryConnection } from './connection.js';
import { CredentialStore, type Credentials } from './credentials.js';
import { endpointsOf } from './endpoint.js';
import { drain } from './connection.js';
import { refusalError } from './failure.js';
import { readRegistrySettings } from './settings.js';

export interface RegistriesOptions {
  /** The configuration file. */
  readonly file: string;
  /** Folder of Docker's `config.json`. */
  readonly dockerConfig: string;
  readonly host: Pick<Host, 'run'>;
}

export interface LoginResult {
  /** Where the credentials are kept. */
  readonly kept: string;
}

/** All registries, as the configuration and the credentials of the user say they are reached. */
export class Registries {
  private readonly options: RegistriesOptions;
  private readonly store: CredentialStore;

  constructor(options: RegistriesOptions) {
    this.options = options;
    this.store = new CredentialStore(options.dockerConfig, options.host);
  }

  /**
   * Where a repository can be found: mirrors first when they may be asked, the registry itself last.
   * @throws WarrenError invalidArgument when the configuration cannot be used
   */
  async repositories(
    name: { readonly domain: string; readonly path: string },
    options: { readonly mirrors: boolean; readonly credentials?: Credentials | undefined },
  ): Promise<readonly RepositoryClient[]> {
    const settings = readRegistrySettings(this.options.file);
    const endpoints = await endpointsOf(name.domain, settings, options);
    return endpoints.map((endpoint) => {
      const find = async (): Promise<Credentials | null> => {
        if (endpoint.isMirror) return await this.store.find(endpoint.host);
        return options.credentials ?? (await this.store.find(name.domain));
      };
      return new RepositoryClient(new RegistryConnection(endpoint, find), name.path);
    });
  }

  /**
   * Tries credentials, and keeps them when the registry takes them.
   * @throws WarrenError permissionDenied (REGISTRY_UNAUTHORIZED), unavailable
   */
  async login(
    domain: string,
    credentials: Credentials,
    signal?: AbortSignal,
  ): Promise<LoginResult> {
    const settings = readRegistrySettings(this.options.file);
    const [endpoint] = await endpointsOf(domain, settings, { mirrors: false });
    if (endpoint === undefined) throw new Error('A registry has an endpoint');
    const connection = new RegistryConnection(endpoint, async () => credentials);
    const what = `log in to ${domain}`;
    const response = await connection.send({
      what,
      method: 'GET',
      target: '/v2/',
      scope: '',
      ...(signal === undefined ? {} : { signal }),
    });
    await drain(response.body);
    await endpoint.dispatcher.close();
    if (response.status !== 200) {
      throw refusalError({ what, host: domain }, { status: response.status, body: '' });
    }
    return { kept: await this.store.keep(domain, credentials) };
  }

  /** False when there was nothing to forget. */
  async logout(domain: string): Promise<boolean> {
    return await this.store.forget(domain);
  }
}

/** Ends the connections of repositories that nobody needs any more. */
export async function closeRepositories(repositories: readonly RepositoryClient[]): Promise<void> {
  for (const { connection } of repositories) await connection.endpoint.dispatcher.close();
}
