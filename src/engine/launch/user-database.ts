import { WarrenError } from '../../base/errors.js';
import type { ResolvedUser } from '../../spec/contract.js';

/** Texts of a container's /etc/passwd and /etc/group; empty when it has none. */
export interface UserDatabase {
  readonly passwd: string;
  readonly group: string;
}

interface PasswdEntry {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
}

interface GroupEntry {
  readonly name: string;
  readonly gid: number;
  readonly members: readonly string[];
}

const maximumId = 2 ** 31 - 1;

function numberOf(text: string | undefined): number | null {
  if (text === undefined || !/^\d{1,10}$/.test(text)) return null;
  const number = Number(text);
  return number <= maximumId ? number : null;
}

function* passwdEntries(text: string): Generator<PasswdEntry> {
  for (const line of text.split('\n')) {
    const [name = '', , uidText, gidText, , home = ''] = line.split(':');
    const uid = numberOf(uidText);
    const gid = numberOf(gidText);
    if (name !== '' && uid !== null && gid !== null) yield { name, uid, gid, home };
  }
}

function* groupEntries(text: string): Generator<GroupEntry> {
  for (const line of text.split('\n')) {
    const [name = '', , gidText, members = ''] = line.split(':');
    const gid = numberOf(gidText);
    if (name !== '' && gid !== null) {
      yield { name, gid, members: members.split(',').filter((member) => member !== '') };
    }
  }
}

function first<T>(entries: Iterable<T>, wanted: (entry: T) => boolean): T | undefined {
  for (const entry of entries) if (wanted(entry)) return entry;
  return undefined;
}

function notFound(kind: 'user' | 'group', name: string, file: string): WarrenError {
  return new WarrenError(
    'invalidArgument',
    kind === 'user' ? 'NO_SUCH_USER' : 'NO_SUCH_GROUP',
    `Unable to find ${kind} ${name}: no matching entries in ${file}`,
    { hint: 'Use a name that the image knows, or a number' },
  );
}

function findUser(database: UserDatabase, user: string): PasswdEntry {
  const uid = numberOf(user);
  const entry = first(
    passwdEntries(database.passwd),
    (candidate) => candidate.name === user || (uid !== null && candidate.uid === uid),
  );
  if (entry !== undefined) return entry;
  if (uid === null) throw notFound('user', user, 'the passwd file');
  return { name: '', uid, gid: 0, home: '/' };
}

function findGroup(database: UserDatabase, group: string): number {
  const gid = numberOf(group);
  const entry = first(
    groupEntries(database.group),
    (candidate) => candidate.name === group || (gid !== null && candidate.gid === gid),
  );
  if (entry !== undefined) return entry.gid;
  if (gid === null) throw notFound('group', group, 'the group file');
  return gid;
}

/** Groups that list the user as a member: only without a group of one's own (Docker's rule). */
function memberships(database: UserDatabase, user: string): number[] {
  if (user === '') return [];
  return [...groupEntries(database.group)]
    .filter(({ members }) => members.includes(user))
    .map(({ gid }) => gid);
}

/**
 * `user[:group]` and additional groups in numbers.
 * @throws WarrenError invalidArgument (NO_SUCH_USER, NO_SUCH_GROUP)
 */
export function resolveUser(
  database: UserDatabase,
  user: string,
  groupAdd: readonly string[],
): ResolvedUser {
  const [userPart = '', groupPart = ''] = user.split(':');
  const entry = findUser(database, userPart === '' ? '0' : userPart);
  const own = groupPart !== '';
  const gid = own ? findGroup(database, groupPart) : entry.gid;
  const groups = own ? [] : memberships(database, entry.name);
  const added = groupAdd.map((group) => findGroup(database, group));
  const all = new Set([...groups, ...added]);
  all.delete(gid);
  return { uid: entry.uid, gid, groups: [...all], home: entry.home === '' ? '/' : entry.home };
}
