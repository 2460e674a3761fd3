import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ContainerHandle } from '../../../src/engine/contract.js';
import type { ContainerConfig } from '../../../src/model/container-config.js';
import { openTestEngine, type TestEngine } from '../../fixtures/engine.js';
import { describeAsRoot, kernelIsAtLeast } from '../../privileges.js';

/** Layers by descriptor are there from 6.15 on; attaching them works everywhere. */
const strategies = kernelIsAtLeast(6, 15)
  ? (['probe', 'fd', 'attached'] as const)
  : (['probe', 'attached'] as const);

describeAsRoot('the file system of a container', () => {
  describe.each(strategies)('with the overlay strategy %s', (overlayStrategy) => {
    let own: TestEngine;
    beforeAll(async () => {
      own = await openTestEngine({ overlayStrategy });
    });
    afterAll(async () => {
      await own[Symbol.asyncDispose]();
    });

    async function start(config: Partial<ContainerConfig> = {}): Promise<ContainerHandle> {
      return own.engine.run({ image: 'tiny', command: ['pause'], ...config });
    }

    async function write(container: ContainerHandle, path: string, user = '0'): Promise<string> {
      const { stderr, exitCode } = await container.exec(['write', path, 'text'], { user });
      return exitCode === 0 ? 'written' : stderr;
    }

    function ownerOf(path: string): readonly [number, number] {
      const { uid, gid } = statSync(path);
      return [uid, gid];
    }

    test('is writable, with ids on disk as they are inside', async () => {
      await using container = await start();
      expect(await write(container, '/root/file')).toBe('written');
      expect(await write(container, '/tmp/file', '1000:1000')).toBe('written');
      const { upper } = (await container.inspect()).paths;
      expect(ownerOf(join(upper, 'root/file'))).toEqual([0, 0]);
      expect(ownerOf(join(upper, 'tmp/file'))).toEqual([1000, 1000]);
      await container.restart({ timeoutMs: 0 });
      expect((await container.exec(['cat', '/tmp/file'])).stdout).toBe('text\n');
    });

    test('is read-only when asked for', async () => {
      await using container = await start({
        readOnly: true,
        mounts: [{ type: 'tmpfs', target: '/tmp' }],
      });
      expect(await write(container, '/file')).toMatch(/read-only/);
      expect(await write(container, '/tmp/file')).toBe('written');
    });

    test('is in memory when it is volatile: others may use it, and it is lost at the end', async () => {
      await using container = await start({ volatile: true, volatileSizeBytes: 2 ** 24 });
      expect(await write(container, '/tmp/file', '1000:1000')).toBe('written');
      const { upper } = (await container.inspect()).paths;
      expect(readdirSync(join(upper, '..')).includes('upper') ? readdirSync(upper) : []).toEqual(
        [],
      );
      const listed = await container.exec(['ls', '-l', '/'], { user: '1000:1000' });
      expect(listed.stdout).toContain('01777 0 0');
      await container.restart({ timeoutMs: 0 });
      expect((await container.exec(['cat', '/tmp/file'])).exitCode).not.toBe(0);
    });

    test('holds volumes, with ids on disk as they are inside', async () => {
      const mounts = [{ type: 'volume', source: 'shelf', target: '/shelf' }] as const;
      await using container = await start({ mounts });
      expect(await write(container, '/shelf/file')).toBe('written');
      const { mountPoint } = await own.engine.volumes.get('shelf');
      expect(ownerOf(join(mountPoint, 'file'))).toEqual([0, 0]);
      await using other = await start({ mounts: [{ ...mounts[0], readOnly: true }] });
      expect((await other.exec(['ls', '-l', '/shelf'])).stdout).toContain(' 0644 0 0 5 file');
      expect(await write(other, '/shelf/file')).toMatch(/read-only/);
    });

    test('holds binds as they are, id-mapped ones with ids as on the host', async () => {
      const source = join(own.scope.directory, 'bound');
      mkdirSync(source, { mode: 0o755 });
      writeFileSync(join(source, 'file'), 'of the host', { mode: 0o644 });
      await using container = await start({
        mounts: [
          { type: 'bind', source, target: '/plain' },
          { type: 'bind', source, target: '/mapped', idmap: true },
          { type: 'bind', source, target: '/fixed', idmap: true, readOnly: true },
        ],
      });
      const list = async (path: string): Promise<string> =>
        (await container.exec(['ls', '-l', path])).stdout;
      expect(await list('/plain')).toContain(' 0644 65534 65534 11 file');
      expect(await list('/mapped')).toContain(' 0644 0 0 11 file');
      expect(await write(container, '/plain/file')).toMatch(/denied/);
      expect(await write(container, '/fixed/file')).toMatch(/read-only/);
      expect(await write(container, '/mapped/file')).toBe('written');
      expect(readFileSync(join(source, 'file'), 'utf8')).toBe('text\n');
      expect(ownerOf(join(source, 'file'))).toEqual([0, 0]);
    });
  });
});
