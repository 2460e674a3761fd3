/** Return values of a seccomp filter (linux/seccomp.h). */
import { constants } from 'node:os';
import { WarrenError } from '../../base/errors.js';

const errnoAction = 0x0005_0000;
const errnoMaximum = 4095;

export const killProcess = 0x8000_0000;
export const enosys: number = errnoAction | constants.errno.ENOSYS;

const plainActions: Readonly<Record<string, number>> = {
  SCMP_ACT_KILL: 0,
  SCMP_ACT_KILL_THREAD: 0,
  SCMP_ACT_KILL_PROCESS: killProcess,
  SCMP_ACT_TRAP: 0x0003_0000,
  SCMP_ACT_LOG: 0x7ffc_0000,
  SCMP_ACT_ALLOW: 0x7fff_0000,
};

/** Actions that carry a number: an errno, or what a tracer reads. */
const dataActions: Readonly<Record<string, number>> = {
  SCMP_ACT_ERRNO: errnoAction,
  SCMP_ACT_TRACE: 0x7ff0_0000,
};

/** The value of an OCI action. Throws `invalidArgument` for unknown ones, `unsupported` for SCMP_ACT_NOTIFY. */
export function actionCode(action: string, errno: number | undefined): number {
  const plain = plainActions[action];
  if (plain !== undefined) return plain;
  const base = dataActions[action];
  if (base !== undefined) return base | checkedErrno(errno ?? constants.errno.EPERM);
  if (action === 'SCMP_ACT_NOTIFY') {
    throw new WarrenError(
      'unsupported',
      'SECCOMP_NOTIFY',
      'Cannot use seccomp profile: SCMP_ACT_NOTIFY needs a listener, which Warren does not offer',
    );
  }
  throw new WarrenError(
    'invalidArgument',
    'SECCOMP_PROFILE',
    `Cannot use seccomp profile: action ${action} is unknown`,
  );
}

export function isErrno(code: number): boolean {
  return (code & 0x7fff_0000) === errnoAction;
}

function checkedErrno(errno: number): number {
  if (Number.isInteger(errno) && errno >= 0 && errno <= errnoMaximum) return errno;
  throw new WarrenError(
    'invalidArgument',
    'SECCOMP_PROFILE',
    `Cannot use seccomp profile: errno ${errno} is out of range (0 to ${errnoMaximum})`,
  );
}
