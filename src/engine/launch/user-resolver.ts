import { lstatSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isProcessGone, WarrenError } from '../../base/errors.js';
import type { Host } from '../../host/port.js';
import { StallWatch } from '../../host/tree/stall-watch.js';
import type { ContainerRecord } from '../../model/container.js';
import type { ResolvedUser } from '../../spec/contract.js';
import { readInside } from './file-inside.js';
import { MergedTree } from './merged-tree.js';
import { resolveUser, type UserDatabase } from './user-database.js';

const maximumFileBytes = 1024 * 1024;
const maximumCached = 64;

export interface UserRequest {
  readonly user: string;
  readonly groupAdd: readonly string[];
}

/** Resolves user and group names in the files of a container. Never in the host's. */
export class UserResolver {
  readonly #dataRoot: string;
  readonly #host: Pick<Host, 'run'>;
  /** Of layers, which never change. */
  readonly #databases = new Map<string, UserDatabase>();

  constructor(dataRoot: string, host: Pick<Host, 'run'>) {
    this.#dataRoot = dataRoot;
    this.#host = host;
  }

  /**
   * From the layers, as the next run would see them.
   * @throws WarrenError invalidArgument (NO_SUCH_USER, NO_SUCH_GROUP, ID_OUT_OF_RANGE)
   */
  resolve(record: ContainerRecord, request: UserRequest): ResolvedUser {
    return userOf(this.#layered(record), record, request);
  }

  /** Whether a running container may see other users than its layers show. */
  needsProcess(record: ContainerRecord): boolean {
    return hasOtherFiles(record);
  }

  /**
   * As the running container sees them. The layers show the same, unless its files are in memory or something is mounted over
   * them; only then they are read through the container, where a hostile file system may be in the way.
   * @throws WarrenError as resolve, conflict (CONTAINER_NOT_RUNNING), unavailable (FILES_NOT_ANSWERING)
   */
  async resolveRunning(
    record: ContainerRecord,
    { pid, ...request }: UserRequest & { readonly pid: number },
  ): Promise<ResolvedUser> {
    if (!hasOtherFiles(record)) return this.resolve(record, request);
    const watch = new StallWatch({ host: this.#host, pid, ids: record.ids });
    const text = async (path: string): Promise<string> => {
      const read = { root: `/proc/${pid}/root`, path, maximumBytes: maximumFileBytes };
      const content = await watch.during(() => readInside(read, () => requireMember(record, pid)));
      return content?.toString('utf8') ?? '';
    };
    const database = { passwd: await text('/etc/passwd'), group: await text('/etc/group') };
    return userOf(database, record, request);
  }

  #layered(record: ContainerRecord): UserDatabase {
    const layers = record.layers.map((layer) => join(this.#dataRoot, layer));
    const upper = join(this.#dataRoot, 'containers', record.id, 'upper');
    if (exists(join(upper, 'etc'))) return readDatabase([upper, ...layers]);
    const key = record.layers.join('\n');
    let database = this.#databases.get(key);
    if (database === undefined) {
      database = readDatabase(layers);
      if (this.#databases.size >= maximumCached) this.#databases.clear();
      this.#databases.set(key, database);
    }
    return database;
  }
}

/** Whether a run of it may show other users than its layers do. */
function hasOtherFiles({ spec }: ContainerRecord): boolean {
  if (spec.volatileSizeBytes > 0) return true;
  const hiding = new Set(['/', '/etc', '/etc/passwd', '/etc/group']);
  return spec.mounts.some(({ target }) => hiding.has(target.replace(/(?<=.)\/+$/, '')));
}

function userOf(
  database: UserDatabase,
  record: ContainerRecord,
  request: UserRequest,
): ResolvedUser {
  const user = resolveUser(database, request.user, request.groupAdd);
  const count = record.ids?.count;
  const outside = [user.uid, user.gid, ...user.groups].find((id) => id >= (count ?? Infinity));
  if (outside === undefined) return user;
  throw new WarrenError(
    'invalidArgument',
    'ID_OUT_OF_RANGE',
    `Cannot run as user ${request.user}: id ${outside} is outside the ${String(count)} ids of the container`,
    { hint: 'Use a smaller id, or the host’s user namespace (--userns host)' },
  );
}

function readDatabase(layers: readonly string[]): UserDatabase {
  using tree = new MergedTree(layers);
  const text = (path: string): string => tree.read(path, maximumFileBytes)?.toString('utf8') ?? '';
  return { passwd: text('/etc/passwd'), group: text('/etc/group') };
}

function exists(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}

function requireMember(record: ContainerRecord, pid: number): void {
  try {
    if (readFileSync(`/proc/${pid}/cgroup`, 'utf8').includes(`/${record.id}`)) return;
  } catch (error) {
    if (!isProcessGone(error)) throw error;
  }
  throw new WarrenError(
    'conflict',
    'CONTAINER_NOT_RUNNING',
    `Container ${record.name} is not running any more`,
  );
}
