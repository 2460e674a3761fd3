import type {
  Network,
  NetworkAttachment,
  NetworkConfig,
  PortMapping,
  PublishedPort,
} from '../../model/network/network.js';

/** A network with the ids of the containers that have an endpoint in it. */
export interface ListedNetwork extends Network {
  readonly usedBy: readonly string[];
}

/** Published ports of a container: by its own port, and one only with the address or the port of the host. */
export type PortSelection = Pick<PortMapping, 'protocol' | 'containerPort' | 'hostIp' | 'hostPort'>;

export interface EngineNetworks {
  create(config: NetworkConfig): Promise<Network>;
  list(): Promise<readonly ListedNetwork[]>;
  /** Throws notFound: `network X not found`. */
  get(reference: string): Promise<ListedNetwork>;
  /** Throws conflict (NETWORK_IN_USE). */
  remove(reference: string): Promise<void>;
  /** Removes those without containers, but the default one; names. */
  prune(): Promise<readonly string[]>;
  /** Throws conflict (ALREADY_CONNECTED, NO_OWN_NETWORK). */
  connect(container: string, attachment: NetworkAttachment): Promise<void>;
  /** Throws conflict (NOT_CONNECTED). */
  disconnect(container: string, network: string): Promise<void>;
  /**
   * Publishes ports of a container, at once when it runs and at its later starts. Returns them with the ports of the host that they
   * got; of a container that does not run, none. Throws conflict (PORT_IN_USE), exhausted (NO_FREE_PORT).
   */
  publish(container: string, mappings: readonly PortMapping[]): Promise<readonly PublishedPort[]>;
  /**
   * Ends it. `hostIp` '' and `hostPort` 0 stand for every one. Returns those that answered till now. Throws notFound
   * (PORT_NOT_PUBLISHED).
   */
  unpublish(
    container: string,
    selections: readonly PortSelection[],
  ): Promise<readonly PublishedPort[]>;
}
