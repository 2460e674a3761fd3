import { afterAll, beforeAll, expect, test } from 'vitest';
import { describeAsRoot } from '../../privileges.js';
import { type Isolation, openIsolation, output, shell } from './isolation.js';

describeAsRoot('shared memory', () => {
  let own: Isolation;

  beforeAll(async () => {
    own = await openIsolation();
  });
  afterAll(async () => {
    await own[Symbol.asyncDispose]();
  });

  test.each([{}, { capAdd: ['SYS_ADMIN'] }])(
    'is that of the container whose IPC namespace is joined (%j)',
    async (config) => {
      await using owner = await own.start({ ipc: 'shareable' });
      await using joined = await own.start({ ...config, ipc: `container:${owner.name}` });
      await output(owner, ['sh', '-c', 'echo from the owner >/dev/shm/a']);
      expect(await output(joined, ['cat', '/dev/shm/a'])).toBe('from the owner\n');
      await output(joined, ['sh', '-c', 'echo from the other >/dev/shm/b; rm /dev/shm/a']);
      expect(await output(owner, ['sh', '-c', 'cd /dev/shm; echo *; cat b'])).toBe(
        'b\nfrom the other\n',
      );
      const flags = await output(joined, ['sh', '-c', 'grep " /dev/shm " /proc/self/mountinfo']);
      expect(flags).toMatch(/ rw,nosuid,nodev,noexec,relatime .*- tmpfs /);
    },
  );

  test('is also shared with one that joins through another', async () => {
    await using owner = await own.start({ ipc: 'shareable' });
    await using second = await own.start({ ipc: `container:${owner.name}` });
    await using third = await own.start({ ipc: `container:${second.name}` });
    await output(third, ['touch', '/dev/shm/here']);
    expect(await output(owner, ['ls', '/dev/shm'])).toBe('here\n');
  });

  test('is nobody else’s: of a container that is not shareable, and of one that has none', async () => {
    await using closed = await own.start();
    await expect(own.start({ ipc: `container:${closed.name}` })).rejects.toMatchObject({
      code: 'IPC_NOT_SHAREABLE',
    });
    await using without = await own.start({ ipc: 'shareable', shmSizeBytes: 0 });
    await using joined = await own.start({ ipc: `container:${without.name}` });
    expect(await shell(joined, 'touch /dev/shm/new')).toContain('Read-only file system');
  });

  test('is not what its owner put in its place', async () => {
    await using owner = await own.start({ ipc: 'shareable', capAdd: ['SYS_ADMIN'] });
    await shell(owner, 'mount -t proc proc /dev/shm');
    await expect(own.start({ ipc: `container:${owner.name}` })).rejects.toThrow(
      'share what is no tmpfs',
    );
  });
});
