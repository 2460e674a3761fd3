import type { Clock } from '../base/clock.js';
import type { CgroupDriver } from '../cgroup/driver.js';
import type { KernelFacts, Host } from '../host/port.js';
import type { ProcessIdentity } from '../host/process-identity.js';
import type { ImageStore } from '../image/store/store.js';
import type { ImageTransfers } from '../image/transfers.js';
import type { ContainerRecord } from '../model/container.js';
import type { RecordsStore } from '../records/store.js';
import type { ContainerFiles, StorageDriver } from '../storage/driver.js';
import type { Keepers } from './launch/keepers.js';
import type { UserResolver } from './launch/user-resolver.js';
import type { PortPicker } from './networks/ports/port-picker.js';
import type { Router } from './networks/router.js';
import type { EventJournal } from './observe/journal.js';
import type { EngineSettings } from './settings.js';
import type { IdClaims } from './state/id-claims.js';
import type { Reclaimer } from './storage/reclaimer.js';

/** Directories of volumes; which volumes there are, the records say. */
export interface VolumeStore {
  make(name: string): void;
  /** Copies what the image has at `target` into an empty volume. */
  populate(
    name: string,
    content: { readonly layers: readonly string[]; readonly target: string },
  ): Promise<void>;
  size(name: string): Promise<number>;
  /** Takes the directory away at once; emptying the trash frees the space. */
  remove(name: string): void;
  found(): readonly string[];
}

/** The parts that every operation works with. Operations are functions of a context and a request. */
export interface EngineContext {
  readonly settings: EngineSettings;
  readonly host: Host;
  readonly facts: KernelFacts;
  /** This process, as intents name it. */
  readonly self: ProcessIdentity;
  readonly records: RecordsStore;
  readonly storage: StorageDriver;
  readonly images: ImageStore;
  readonly transfers: ImageTransfers;
  readonly cgroups: CgroupDriver;
  readonly keepers: Keepers;
  readonly users: UserResolver;
  readonly idClaims: IdClaims;
  readonly journal: EventJournal;
  readonly clock: Clock;
  /** Files of a container; `pid` of its init while it runs, else 0. */
  readonly files: (record: ContainerRecord, pid: number) => ContainerFiles;
  readonly volumes: VolumeStore;
  readonly router: Router;
  readonly ports: PortPicker;
  readonly reclaimer: Reclaimer;
}
