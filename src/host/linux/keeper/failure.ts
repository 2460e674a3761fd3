/** The one place where an ERROR of the keeper becomes a WarrenError. */
import { constants } from 'node:os';
import { getSystemErrorMap } from 'node:util';
import { BinaryReader } from '../../../base/binary.js';
import { WarrenError, type ErrorKind } from '../../../base/errors.js';
import { operationName, type OperationName } from '../../plan-operations.js';
import { noOperation, phases, type Phase } from '../protocol.js';

/** ERROR as it was sent. */
export interface KeeperFailure {
  readonly errno: number;
  readonly phase: Phase;
  /** Index in the plan; undefined: no operation. */
  readonly index: number | undefined;
  readonly operation: OperationName | undefined;
  readonly path: string;
  /** The attempted action: `open bind source`. */
  readonly message: string;
}

/** What the caller wanted. */
export interface Attempt {
  /** After "Cannot": `start container`. */
  readonly action: string;
  /** A container's id, a lock's name; empty: nothing in particular. */
  readonly object: string;
  /** Of a start: names the command that was not found. */
  readonly plan?: Uint8Array;
}

interface Meaning {
  readonly kind: ErrorKind;
  readonly code: string;
  readonly hint?: string;
  /** Instead of the keeper's words. */
  readonly reason?: string;
}

export function decodeFailure(reader: BinaryReader): KeeperFailure {
  const errno = reader.i32();
  const phase = phases[reader.u8()] ?? 'request';
  const index = reader.u16();
  const operation = operationName(reader.u16());
  const failure = {
    errno,
    phase,
    index: index === noOperation ? undefined : index,
    operation,
    path: reader.str(),
    message: reader.str(),
  };
  reader.end();
  return failure;
}

/**
 * `Cannot start container 0123…: mount /data: No such file or directory`. `details` has the parts, so that a caller who
 * knows a better name can say it: object, reason, errno, phase, operation, path.
 */
export function errorOfFailure(failure: KeeperFailure, attempt: Attempt): WarrenError {
  const { kind, code, hint, reason: known } = meaningOf(failure);
  // The keeper may mean another object: a container whose namespaces are joined.
  const aboutObject = failure.path === '' || failure.path === attempt.object;
  const reason =
    known !== undefined && (aboutObject || code === 'ENDED_EARLY')
      ? known
      : reasonOf(failure, { kind, plan: attempt.plan });
  const object = attempt.object === '' ? '' : ` ${attempt.object}`;
  return new WarrenError(kind, code, `Cannot ${attempt.action}${object}: ${reason}`, {
    ...(hint === undefined ? {} : { hint }),
    details: {
      object: attempt.object,
      reason,
      errno: errnoName(failure.errno),
      phase: failure.phase,
      ...(failure.operation === undefined ? {} : { operation: failure.operation }),
      ...(failure.path === '' ? {} : { path: failure.path }),
    },
  });
}

const namesByErrno = new Map<number, string>(
  Object.entries(constants.errno)
    .map(([name, number]) => [number, name] as const)
    .reverse(),
);

/** `ENOENT`; `E123` for one that has no name here. */
export function errnoName(errno: number): string {
  return namesByErrno.get(errno) ?? `E${errno}`;
}

/** As strerror(3) says it. */
function errnoText(errno: number): string {
  const known = texts[errnoName(errno)] ?? getSystemErrorMap().get(-errno)?.[1] ?? errnoName(errno);
  return known.charAt(0).toUpperCase() + known.slice(1);
}

/** Where Node's words are another system's, or missing. */
const texts: Readonly<Record<string, string>> = {
  EBADMSG: 'bad message',
  EBUSY: 'device or resource busy',
  EINVAL: 'invalid argument',
  ENOEXEC: 'exec format error',
  ENOSPC: 'no space left on device',
  EPERM: 'operation not permitted',
  ESTALE: 'stale file handle',
};

function reasonOf(
  failure: KeeperFailure,
  context: { readonly kind: ErrorKind; readonly plan: Uint8Array | undefined },
): string {
  const { path, message } = failure;
  if (context.kind === 'commandNotFound') {
    const searched = context.plan === undefined ? undefined : searchedCommand(context.plan);
    return searched === undefined
      ? `exec ${path}: ${errnoText(failure.errno)}`
      : `exec ${searched}: executable file not found in $PATH`;
  }
  const action = [message, path].filter((part) => part !== '').join(' ');
  return action === '' ? errnoText(failure.errno) : `${action}: ${errnoText(failure.errno)}`;
}

const planHeaderSize = 8;

/** The command of a plan if it is looked for in several places. */
function searchedCommand(plan: Uint8Array): string | undefined {
  const reader = new BinaryReader(plan);
  reader.raw(planHeaderSize);
  while (reader.remaining > 0) {
    const name = operationName(reader.u16());
    reader.u16();
    const payload = new BinaryReader(reader.bytes());
    if (name === 'EXEC') return payload.strings().length > 1 ? payload.strings()[0] : undefined;
  }
  return undefined;
}

function meaningOf(failure: KeeperFailure): Meaning {
  const errno = errnoName(failure.errno);
  if (failure.operation === 'EXEC')
    return executionMeanings[errno] ?? generalMeaning(failure, errno);
  if (failure.phase === 'request') return requestMeanings[errno] ?? generalMeaning(failure, errno);
  const operation =
    failure.operation === undefined
      ? undefined
      : operationMeanings[`${failure.operation} ${errno}`];
  return operation ?? generalMeaning(failure, errno);
}

const notFound: Meaning = {
  kind: 'commandNotFound',
  code: 'COMMAND_NOT_FOUND',
  hint: 'Check the command, and the PATH inside the container.',
};
const notExecutable: Meaning = {
  kind: 'commandNotExecutable',
  code: 'COMMAND_NOT_EXECUTABLE',
  hint: 'Check that it is a program for this architecture, and its permissions.',
};

const executionMeanings: Readonly<Record<string, Meaning>> = {
  ENOENT: notFound,
  ENOTDIR: notFound,
  EACCES: notExecutable,
  EPERM: notExecutable,
  ENOEXEC: notExecutable,
  EISDIR: notExecutable,
  ELIBBAD: notExecutable,
  ETXTBSY: notExecutable,
  EINVAL: notExecutable,
};

const workerLost: Meaning = {
  kind: 'unavailable',
  code: 'WORKER_LOST',
  reason: 'the process that was starting it has ended',
  hint: 'Nothing is left of it. Try again; keeper.log in the run dir says more.',
};

/** Errors about the request itself. */
const requestMeanings: Readonly<Record<string, Meaning>> = {
  ENOENT: { kind: 'notFound', code: 'NOT_SUPERVISED', reason: 'the keeper does not know it' },
  ESRCH: { kind: 'conflict', code: 'NOT_RUNNING', reason: 'it is not running' },
  EEXIST: { kind: 'conflict', code: 'ALREADY_STARTED', reason: 'it runs already' },
  EBUSY: { kind: 'conflict', code: 'KEEPER_BUSY' },
  ESTALE: {
    kind: 'conflict',
    code: 'LOCK_ENDED',
    hint: 'Another operation has taken over. Try again.',
  },
  ETIMEDOUT: { kind: 'timedOut', code: 'LOCK_TIMEOUT' },
  ECANCELED: { kind: 'canceled', code: 'CANCELED', reason: 'it was canceled' },
  EBADMSG: { kind: 'internal', code: 'PLAN_REJECTED' },
  ESHUTDOWN: { kind: 'unavailable', code: 'KEEPER_ENDING', reason: 'the keeper is ending' },
  ECONNRESET: workerLost,
  EPIPE: workerLost,
  EMFILE: { kind: 'exhausted', code: 'KEEPER_FULL' },
  ENOBUFS: { kind: 'exhausted', code: 'CLIENT_TOO_SLOW' },
  ENOTSUP: { kind: 'unsupported', code: 'NOT_STREAMED' },
  EOPNOTSUPP: { kind: 'unsupported', code: 'NOT_STREAMED' },
  ENOTTY: { kind: 'conflict', code: 'NO_TERMINAL' },
  EPROTONOSUPPORT: {
    kind: 'unsupported',
    code: 'KEEPER_VERSION',
    hint: 'Run `warren keeper upgrade`.',
  },
};

/** By operation and errno, where the general meaning would mislead. */
const operationMeanings: Readonly<Record<string, Meaning>> = {
  'BIND ENOENT': {
    kind: 'notFound',
    code: 'MOUNT_SOURCE_MISSING',
    hint: 'Make the source first, or use -v, which makes it.',
  },
  'BIND ENOTDIR': {
    kind: 'invalidArgument',
    code: 'MOUNT_KIND',
    hint: 'Mount a directory over a directory and a file over a file.',
  },
  'CGROUP_WRITE EINVAL': { kind: 'invalidArgument', code: 'LIMIT_REFUSED' },
  'CGROUP_WRITE ERANGE': { kind: 'invalidArgument', code: 'LIMIT_REFUSED' },
  'CGROUP_WRITE ENOENT': { kind: 'unsupported', code: 'LIMIT_MISSING' },
  'CGROUP_MAKE EEXIST': {
    kind: 'conflict',
    code: 'CGROUP_IN_USE',
    hint: '`warren doctor --leaks --fix` removes what an earlier run left.',
  },
  'NAMESPACE_JOIN ESRCH': {
    kind: 'conflict',
    code: 'NOT_RUNNING',
    hint: 'Start the container whose namespaces are joined first.',
  },
  'NAMESPACES ENOSPC': {
    kind: 'exhausted',
    code: 'NAMESPACE_LIMIT',
    hint: 'Raise the limits in /proc/sys/user.',
  },
  'SYSCTL ENOENT': { kind: 'unsupported', code: 'SYSCTL_MISSING' },
  'SYSCTL EINVAL': { kind: 'invalidArgument', code: 'SYSCTL_REFUSED' },
  'WORKDIR ENOTDIR': { kind: 'invalidArgument', code: 'WORKDIR_REFUSED' },
  'WORKDIR ENOENT': { kind: 'invalidArgument', code: 'WORKDIR_REFUSED' },
};

const kindsByErrno: Readonly<Record<string, ErrorKind>> = {
  ENOENT: 'notFound',
  EEXIST: 'conflict',
  EBUSY: 'conflict',
  ELOOP: 'invalidArgument',
  ENOTDIR: 'invalidArgument',
  ENAMETOOLONG: 'invalidArgument',
  EACCES: 'permissionDenied',
  EPERM: 'permissionDenied',
  EROFS: 'permissionDenied',
  ENOSPC: 'exhausted',
  EDQUOT: 'exhausted',
  ENOMEM: 'exhausted',
  EMFILE: 'exhausted',
  ENFILE: 'exhausted',
  EAGAIN: 'exhausted',
  EUSERS: 'exhausted',
  E2BIG: 'exhausted',
  EINVAL: 'unsupported',
  ENOSYS: 'unsupported',
  ENODEV: 'unsupported',
  ENOTSUP: 'unsupported',
  EOPNOTSUPP: 'unsupported',
  ETIMEDOUT: 'timedOut',
  ECANCELED: 'canceled',
  ESHUTDOWN: 'unavailable',
  ECONNRESET: 'unavailable',
};

const canceled: Meaning = { kind: 'canceled', code: 'CANCELED', reason: 'it was canceled' };
/** `path` says how: `signal 9`, `exit code 127`; empty when it was stopped, or nobody saw how. */
function endedEarly(path: string): Meaning {
  const how = path === '' ? 'ended or was stopped' : `ended with ${path}`;
  return {
    kind: 'conflict',
    code: 'ENDED_EARLY',
    reason: `it ${how} before it executed its program`,
    hint: 'A process of the container may have done that, or its memory limit is too small.',
  };
}

function generalMeaning({ operation, path }: KeeperFailure, errno: string): Meaning {
  if (errno === 'ECANCELED') return canceled;
  if (errno === 'ECHILD') return endedEarly(path);
  const kind = kindsByErrno[errno] ?? 'internal';
  return { kind, code: operation === undefined ? `KEEPER_${errno}` : `${operation}_FAILED` };
}
