import { errnoOf, isWarrenError } from '../../base/errors.js';
import type { Host, Keeper } from '../../host/port.js';

/** Lowest number: locks of all containers of a run dir are kept there. */
const masterInstance = 0;

/** Keepers of one run dir beyond which something else must be wrong. */
const maximumInstances = 64;

export interface KeeperConfiguration {
  readonly reconcile: readonly string[];
  readonly environment: readonly string[];
  readonly logLevel: number;
}

/** Which keeper does what: locks at the first, launches at the newest that has file descriptors left. */
export class Keepers {
  readonly #host: Host;
  readonly #configuration: KeeperConfiguration;
  readonly #configured = new Map<number, Promise<void>>();
  #launching = masterInstance;

  constructor(host: Host, configuration: KeeperConfiguration) {
    this.#host = host;
    this.#configuration = configuration;
  }

  /** Instance that launches go to. */
  get launching(): number {
    return this.#launching;
  }

  /** The keeper that holds the locks; started when it does not run. */
  async master(): Promise<Keeper> {
    return await this.#started(masterInstance);
  }

  /** A keeper by its instance; started when it does not run. */
  async start(instance: number): Promise<Keeper> {
    return await this.#started(instance);
  }

  /** null when it does not run. */
  async running(instance: number): Promise<Keeper | null> {
    return await this.#host.runningKeeper(instance);
  }

  async allRunning(): Promise<readonly Keeper[]> {
    const instances = await this.#host.keeperInstances();
    const keepers = await Promise.all(instances.map((instance) => this.running(instance)));
    return keepers.filter((keeper) => keeper !== null);
  }

  /** The instance to try after `full` ran out of file descriptors; null when there are too many. */
  after(full: number): number | null {
    if (full + 1 >= maximumInstances) return null;
    if (this.#launching <= full) this.#launching = full + 1;
    return this.#launching;
  }

  async #started(instance: number): Promise<Keeper> {
    const keeper = await this.#host.keeper(instance);
    let configured = this.#configured.get(instance);
    if (configured === undefined) {
      configured = keeper.control.configure(this.#configuration);
      this.#configured.set(instance, configured);
      configured.catch(() => this.#configured.delete(instance));
    }
    await configured;
    return keeper;
  }
}

/** A launch was refused because that keeper's budget of file descriptors is used. */
export function isKeeperFull(error: unknown): boolean {
  if (!isWarrenError(error)) return false;
  return (
    error.details['errno'] === 'EMFILE' ||
    error.code === 'EMFILE' ||
    errnoOf(error.cause) === 'EMFILE'
  );
}

/** The keeper does not know the container. */
export function isNotSupervised(error: unknown): boolean {
  return isWarrenError(error, 'notFound', 'NOT_SUPERVISED');
}
