import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ContainerHandle } from '../../../src/engine/contract.js';
import type { ContainerConfig } from '../../../src/model/container-config.js';
import { describeAsRoot } from '../../privileges.js';
import { type Isolation, openIsolation, output, shell } from './isolation.js';

const attempts = '54 attempts\n';

describeAsRoot('mounts of a hostile container', () => {
  let own: Isolation;
  let tree: string;

  beforeAll(async () => {
    own = await openIsolation('mounts');
    tree = join(own.shared, 'tree');
    mkdirSync(tree);
    // Open to everybody: only the mount stands in the way.
    chmodSync(tree, 0o777);
    writeFileSync(join(tree, 'marker'), 'untouched');
    chmodSync(join(tree, 'marker'), 0o666);
  });
  afterAll(async () => {
    await own[Symbol.asyncDispose]();
  });

  async function started(config: Partial<ContainerConfig>): Promise<ContainerHandle> {
    const bind = { type: 'bind', source: tree, target: '/tree', readOnly: true } as const;
    const container = await own.start({ ...config, mounts: [bind, ...(config.mounts ?? [])] });
    expect(await shell(container, 'mkdir -p /tmp')).toBe('');
    return container;
  }

  test('the attempts succeed where nothing is promised: with the host’s user namespace', async () => {
    await using container = await started({ userns: 'host', capAdd: ['SYS_ADMIN'] });
    const result = await output(container, ['/hostile/mounts', 'break', '/tree', 'marker']);
    expect(result).toContain('remount,bind, here: writable');
    expect(result).toContain('open_tree and mount_setattr, here: writable');
    expect(readFileSync(join(tree, 'marker'), 'utf8')).toBe('untouched');
  });

  const kinds: readonly (readonly [string, Partial<ContainerConfig>])[] = [
    ['with the default capabilities', {}],
    ['with CAP_SYS_ADMIN', { capAdd: ['SYS_ADMIN'] }],
    [
      'with all capabilities and no filter',
      { capAdd: ['ALL'], security: { seccomp: 'unconfined' } },
    ],
    ['that is privileged', { privileged: true }],
  ];

  describe.each(kinds)('in an own user namespace %s', (_title, config) => {
    let container: ContainerHandle;
    beforeAll(async () => {
      container = await started({
        ...config,
        mounts: [{ type: 'volume', source: 'kept', target: '/volume', readOnly: true }],
      });
    });
    afterAll(async () => {
      await container[Symbol.asyncDispose]();
    });

    const attack = async (path: string, marker: string): Promise<string> =>
      output(container, ['/hostile/mounts', 'break', path, marker]);

    test('a read-only bind stays read-only', async () => {
      expect(await attack('/tree', 'marker')).toBe(attempts);
      expect(await shell(container, 'echo x > /tree/marker')).toContain('Read-only');
      expect(readFileSync(join(tree, 'marker'), 'utf8')).toBe('untouched');
    });

    test('a read-only volume stays read-only', async () => {
      const { mountPoint } = await own.engine.volumes.get('kept');
      writeFileSync(join(mountPoint, 'marker'), '');
      expect(await attack('/volume', 'marker')).toBe(attempts);
    });

    test('the devices that all containers share cannot be changed', async () => {
      expect(await attack('/dev', 'console')).toBe(attempts);
      expect(await shell(container, 'touch /dev/new')).toContain('Read-only');
      expect(await shell(container, 'rm /dev/zero')).toContain('Read-only');
      expect(await shell(container, 'chmod 600 /dev/null')).toContain('Read-only');
    });

    test('the sysfs that all containers share cannot be changed', async () => {
      expect(await attack('/sys', 'kernel/profiling')).toBe(attempts);
      expect(await shell(container, 'echo 1 > /sys/kernel/profiling')).toMatch(/Read-only|denied/);
      expect((await shell(container, 'ls /sys/class/net')).trim()).not.toMatch(/eth|veth|br/);
    });

    test('below its root is nothing', async () => {
      const seen = await output(container, ['/hostile/mounts', 'under']);
      const roots = seen.split('\n').filter((line) => /^\/(\.\.)?:/.test(line));
      expect(roots.length).toBeGreaterThanOrEqual(4);
      for (const line of roots) {
        // The container's own root, or the empty one.
        const own = line.includes('hostile') && line.includes('tree');
        if (!own)
          expect(
            line
              .replace(/^\S+: /, '')
              .split(' ')
              .sort(),
          ).toEqual(emptyRoot);
      }
      expect(seen).not.toContain('data');
    });

    test('no proc that it can reach shows a process of the host', async () => {
      const seen = await output(container, ['/hostile/mounts', 'procs']);
      const names = seen.split('\n').flatMap((line) => /^\d+ (.*)$/.exec(line)?.[1] ?? []);
      expect(names.length).toBeGreaterThan(0);
      expect(names.filter((name) => !['sleep', 'mounts'].includes(name))).toEqual([]);
    });
  });

  test('a read-only root stays read-only, whatever is attached to it', async () => {
    await using container = await own.start({
      readOnly: true,
      capAdd: ['SYS_ADMIN'],
      workingDir: '/work/here',
      mounts: [{ type: 'tmpfs', target: '/tmp' }],
    });
    expect(await output(container, ['/hostile/mounts', 'break', '/', 'etc/passwd'])).toBe(attempts);
    expect(await shell(container, 'pwd; touch /x')).toMatch(/^\/work\/here\n.*Read-only/);
  });

  test('what could not be held is refused, with the reason', async () => {
    const run = own.start({
      capAdd: ['SYS_ADMIN'],
      mounts: [
        { type: 'tmpfs', target: '/a' },
        { type: 'bind', source: tree, target: '/a/b', readOnly: true },
      ],
    });
    await expect(run).rejects.toMatchObject({
      kind: 'invalidArgument',
      code: 'COMBINATION',
      message: expect.stringContaining('/a/b') as string,
    });
  });
});

const emptyRoot = ['empty', 'file', 'null', 'proc', 'sys'];
