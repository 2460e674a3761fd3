import { existsSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ContainerHandle } from '../../../src/engine/contract.js';
import { describeWith, root } from '../../privileges.js';
import { type Isolation, openIsolation, output, shell } from './isolation.js';

const device = { hostPath: '/dev/fuse', containerPath: '/dev/fuse', permissions: 'rw' };

const fuse = {
  met: root.met && existsSync('/dev/fuse'),
  reason: root.met ? 'requires /dev/fuse' : root.reason,
};

/** Looks at no file of users. */
const uid = ['awk', '/^Uid/{print $2}', '/proc/self/status'];

describeWith(fuse, 'files of a container that never answer', () => {
  let own: Isolation;

  beforeAll(async () => {
    own = await openIsolation('silent-fuse');
  });
  afterAll(async () => {
    await own[Symbol.asyncDispose]();
  });

  /** Everything that the engine does with files still works: no thread of the pool is left behind. */
  async function expectLively(container: ContainerHandle): Promise<void> {
    const reads = Array.from({ length: 16 }, async () => {
      await text(await container.files.copyOut('/bin/busybox'));
    });
    await Promise.all(reads);
    expect(await output(container, ['echo', 'alive'])).toBe('alive\n');
  }

  test.each([false, true])(
    'are FIFOs in the place of passwd and group (in memory: %s)',
    async (volatile) => {
      await using container = await own.start({ volatile });
      await shell(container, 'rm -f /etc/passwd /etc/group; mkfifo /etc/passwd /etc/group');
      await expect(container.exec(['true'], { user: 'somebody' })).rejects.toMatchObject({
        code: 'NO_SUCH_USER',
      });
      expect(await output(container, uid, '33')).toBe('33\n');
      await expectLively(container);
    },
  );

  test('are too large to be read', async () => {
    await using container = await own.start({ volatile: true });
    await shell(container, 'truncate -s 2M /etc/passwd');
    await expect(container.exec(['true'], { user: 'somebody' })).rejects.toMatchObject({
      code: 'FILE_TOO_LARGE',
    });
  });

  test('are those of FUSE under an overlay that root of an own user namespace made', async () => {
    await using container = await own.start({ devices: [device], capAdd: ['SYS_ADMIN'] });
    await shell(container, 'mkdir /silent /merged');
    expect(await shell(container, '/hostile/silent-fuse /silent /merged </dev/null')).toBe(
      'ready\n',
    );
    await expect(container.files.stat('/merged/busybox')).rejects.toMatchObject({
      code: 'FILES_NOT_ANSWERING',
    });
    await expectLively(container);
  });

  test('are those of FUSE with the host’s user namespace, over the files that exec reads', async () => {
    await using container = await own.start({
      devices: [device],
      capAdd: ['SYS_ADMIN'],
      userns: 'host',
      mounts: [{ type: 'tmpfs', target: '/etc' }],
    });
    expect(await shell(container, '/hostile/silent-fuse /etc </dev/null')).toBe('ready\n');
    await expect(container.exec(['true'], { user: 'somebody' })).rejects.toMatchObject({
      code: 'FILES_NOT_ANSWERING',
    });
    await expect(container.exec(['true'], { user: 'somebody' })).rejects.toMatchObject({
      code: 'NO_SUCH_USER',
    });
    await expectLively(container);
  });

  test('FUSE of the container’s own user namespace is closed to the engine', async () => {
    await using container = await own.start({
      devices: [device],
      capAdd: ['SYS_ADMIN'],
      volatile: true,
    });
    expect(await shell(container, '/hostile/silent-fuse /etc </dev/null')).toBe('ready\n');
    await expect(container.exec(['true'], { user: 'somebody' })).rejects.toMatchObject({
      code: 'NO_SUCH_USER',
    });
    // It has no /dev/fuse to open as that user, and looks at no file of /etc.
    expect(await container.exec(['/hostile/silent-fuse'], { user: '33' })).toMatchObject({
      exitCode: 1,
    });
  });
});
