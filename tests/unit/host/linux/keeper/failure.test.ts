import { constants } from 'node:os';
import { describe, expect, test } from 'vitest';
import { BinaryWriter } from '../../../../../src/base/binary.js';
import {
  errorOfFailure,
  type KeeperFailure,
} from '../../../../../src/host/linux/keeper/failure.js';

const { errno } = constants;
const attempt = { action: 'start container', object: 'web' };

function failure(changes: Partial<KeeperFailure>): KeeperFailure {
  return {
    errno: errno.EIO,
    phase: 'child',
    index: 3,
    operation: undefined,
    path: '',
    message: '',
    ...changes,
  };
}

/** A plan with nothing but EXEC. */
function execPlan(candidates: string[], argv: string[]): Uint8Array {
  const payload = new BinaryWriter().strings(candidates).strings(argv).toBytes();
  return new BinaryWriter().u32(0).u16(1).u16(1).u16(25).u8(3).u8(0).bytes(payload).toBytes();
}

describe('an ERROR of the keeper', () => {
  test.each([
    [errno.ENOENT, 'commandNotFound', 'COMMAND_NOT_FOUND'],
    [errno.ENOTDIR, 'commandNotFound', 'COMMAND_NOT_FOUND'],
    [errno.EACCES, 'commandNotExecutable', 'COMMAND_NOT_EXECUTABLE'],
    [errno.ENOEXEC, 'commandNotExecutable', 'COMMAND_NOT_EXECUTABLE'],
    [errno.ENOMEM, 'exhausted', 'EXEC_FAILED'],
  ])('about the command (errno %d) is %s', (number, kind, code) => {
    const error = errorOfFailure(
      failure({ errno: number, phase: 'exec', operation: 'EXEC', path: '/x', message: 'execute' }),
      attempt,
    );
    expect(error).toMatchObject({ kind, code });
  });

  test.each([
    ['signal 9', 'it ended with signal 9'],
    ['exit code 127', 'it ended with exit code 127'],
    ['', 'it ended or was stopped'],
  ])('of an end before the program (%s) says how', (path, how) => {
    const early = failure({ errno: errno.ECHILD, path, message: 'child ended' });
    expect(errorOfFailure(early, attempt)).toMatchObject({
      code: 'ENDED_EARLY',
      message: `Cannot start container web: ${how} before it executed its program`,
    });
  });

  test('names the command that was looked for along the PATH', () => {
    const missing = failure({
      errno: errno.ENOENT,
      phase: 'exec',
      operation: 'EXEC',
      path: '/bin/foo',
      message: 'execute',
    });
    expect(
      errorOfFailure(missing, { ...attempt, plan: execPlan(['/bin/foo', '/sbin/foo'], ['foo']) })
        .message,
    ).toBe('Cannot start container web: exec foo: executable file not found in $PATH');
    expect(
      errorOfFailure(missing, { ...attempt, plan: execPlan(['/bin/foo'], ['/bin/foo']) }).message,
    ).toBe('Cannot start container web: exec /bin/foo: No such file or directory');
  });

  test('says the attempted action, its object and the reason', () => {
    const error = errorOfFailure(
      failure({ errno: errno.EPERM, operation: 'MOUNT', path: '/data', message: 'mount' }),
      attempt,
    );
    expect(error.message).toBe('Cannot start container web: mount /data: Operation not permitted');
    expect(error).toMatchObject({ kind: 'permissionDenied', code: 'MOUNT_FAILED' });
    expect(error.details).toMatchObject({
      object: 'web',
      reason: 'mount /data: Operation not permitted',
      errno: 'EPERM',
      operation: 'MOUNT',
    });
  });

  test.each([
    [errno.ENOENT, 'notFound', 'NOT_SUPERVISED'],
    [errno.ESRCH, 'conflict', 'NOT_RUNNING'],
    [errno.EEXIST, 'conflict', 'ALREADY_STARTED'],
    [errno.ESTALE, 'conflict', 'LOCK_ENDED'],
    [errno.EMFILE, 'exhausted', 'KEEPER_FULL'],
    [errno.EBADMSG, 'internal', 'PLAN_REJECTED'],
    [errno.ECANCELED, 'canceled', 'CANCELED'],
    [errno.EXDEV, 'internal', 'KEEPER_EXDEV'],
  ])('about the request (errno %d) is %s %s', (number, kind, code) => {
    expect(
      errorOfFailure(failure({ errno: number, phase: 'request', index: undefined }), attempt),
    ).toMatchObject({ kind, code });
  });

  test.each([
    ['BIND', errno.ENOENT, 'notFound', 'MOUNT_SOURCE_MISSING'],
    ['CGROUP_WRITE', errno.EINVAL, 'invalidArgument', 'LIMIT_REFUSED'],
    ['CGROUP_WRITE', errno.ENOSPC, 'exhausted', 'CGROUP_WRITE_FAILED'],
    ['OVERLAY', errno.ENOSPC, 'exhausted', 'OVERLAY_FAILED'],
    ['SECCOMP', errno.EINVAL, 'unsupported', 'SECCOMP_FAILED'],
    ['NAMESPACES', errno.ECANCELED, 'canceled', 'CANCELED'],
  ] as const)('about %s (errno %d) is %s %s', (...[operation, number, kind, code]) => {
    expect(
      errorOfFailure(failure({ errno: number, operation, phase: 'host-before' }), attempt),
    ).toMatchObject({ kind, code });
  });
});
