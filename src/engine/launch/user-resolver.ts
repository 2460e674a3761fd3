import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { errnoOf, WarrenError } from '../../base/errors.js';
import type { ContainerRecord } from '../../model/container.js';
import type { ResolvedUser } from '../../spec/contract.js';
import { MergedTree } from './merged-tree.js';
import { resolveUser, type UserDatabase } from './user-database.js';

const maximumFileBytes = 1024 * 1024;
const maximumCached = 64;

export interface UserRequest {
  readonly user: string;
  readonly groupAdd: readonly string[];
  /** Init of the running container; 0: it does not run. */
  readonly pid: number;
}

/** Resolves user and group names in the files of a container. Never in the host's. */
export class UserResolver {
  readonly #dataRoot: string;
  /** Of layers, which never change. */
  readonly #databases = new Map<string, UserDatabase>();

  constructor(dataRoot: string) {
    this.#dataRoot = dataRoot;
  }

  /** @throws WarrenError invalidArgument (NO_SUCH_USER, NO_SUCH_GROUP, ID_OUT_OF_RANGE) */
  resolve(record: ContainerRecord, request: UserRequest): ResolvedUser {
    const user = resolveUser(this.#database(record, request.pid), request.user, request.groupAdd);
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

  #database(record: ContainerRecord, pid: number): UserDatabase {
    if (pid > 0) return readDatabase([`/proc/${pid}/root`], () => requireMember(record, pid));
    const layers = record.layers.map((layer) => join(this.#dataRoot, layer));
    const upper = join(this.#dataRoot, 'containers', record.id, 'upper');
    if (existsSync(join(upper, 'etc'))) return readDatabase([upper, ...layers]);
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

function readDatabase(layers: readonly string[], check?: () => void): UserDatabase {
  using tree = new MergedTree(layers);
  // After the tree is open: a pid that was taken by another process before is found out now.
  check?.();
  const text = (path: string): string => tree.read(path, maximumFileBytes)?.toString('utf8') ?? '';
  return { passwd: text('/etc/passwd'), group: text('/etc/group') };
}

function requireMember(record: ContainerRecord, pid: number): void {
  try {
    if (readFileSync(`/proc/${pid}/cgroup`, 'utf8').includes(`/${record.id}`)) return;
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT' && errnoOf(error) !== 'ESRCH') throw error;
  }
  throw new WarrenError(
    'conflict',
    'CONTAINER_NOT_RUNNING',
    `Container ${record.name} is not running any more`,
  );
}
