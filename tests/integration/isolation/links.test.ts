import { execFileSync } from 'node:child_process';
import {
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { isWarrenError } from '../../../src/base/errors.js';
import type { ContainerHandle } from '../../../src/engine/contract.js';
import { describeAsRoot } from '../../privileges.js';
import { type Isolation, openIsolation, shell } from './isolation.js';

const secret = 'what the host keeps for itself';

describeAsRoot('links that a container made', () => {
  let own: Isolation;
  let canary: string;

  beforeAll(async () => {
    own = await openIsolation();
    canary = join(own.shared, 'canary');
  });
  afterAll(async () => {
    await own[Symbol.asyncDispose]();
  });
  beforeEach(() => {
    rmSync(canary, { recursive: true, force: true });
    for (const name of ['', 'sub', 'sub/deeper']) mkdirSync(join(canary, name), { mode: 0o777 });
    for (const name of ['passwd', 'group', 'hosts', 'x', 'sub/x'])
      writeFileSync(join(canary, name), secret);
  });

  /** Everything below the canary with its content, and what is mounted there. */
  function host(): readonly unknown[] {
    const names = readdirSync(canary, { recursive: true, encoding: 'utf8' }).sort();
    const entries = names.map((name) => {
      const stats = lstatSync(join(canary, name));
      const content = stats.isFile() ? readFileSync(join(canary, name), 'utf8') : '';
      return [name, stats.mode, stats.uid, stats.gid, stats.mtimeMs, content];
    });
    const mounts = readFileSync('/proc/self/mountinfo', 'utf8');
    return [lstatSync(canary).mtimeMs, entries, mounts.includes(canary)];
  }

  /** Puts a link where the container had something, as a run of it could have done. */
  async function replace(container: ContainerHandle, path: string, target: string): Promise<void> {
    const { paths } = await container.inspect();
    const place = join(paths.upper, path);
    rmSync(place, { recursive: true, force: true });
    mkdirSync(dirname(place), { recursive: true });
    symlinkSync(target, place);
  }

  const places: readonly string[] = [
    '/proc',
    '/dev',
    '/sys',
    '/etc',
    '/etc/hosts',
    '/etc/resolv.conf',
    '/etc/passwd',
    '/etc/group',
    '/data',
    '/volume',
    '/tmpfs',
    '/work',
    '/bin',
  ];
  const ways: readonly (readonly [string, (path: string) => string])[] = [
    ['an absolute link', (path) => path],
    ['a link that climbs', (path) => `../../../../../../../../..${path}`],
    ['a link through proc', (path) => `/proc/1/root${path}`],
    ['a link to itself', () => 'self'],
  ];

  describe.each(ways)('%s', (_title, target) => {
    test.each(places)('in place of %s leads nowhere outside', async (place) => {
      const data = join(own.shared, 'data');
      mkdirSync(data, { recursive: true });
      await using container = await own.engine.create({
        image: 'busybox',
        command: ['/bin/busybox', 'sleep', '1000'],
        stopTimeoutMs: 0,
        workingDir: '/work/deeper',
        capAdd: ['SYS_ADMIN'],
        mounts: [
          { type: 'bind', source: data, target: '/data/here', readOnly: true },
          { type: 'volume', source: 'linked', target: '/volume/here' },
          { type: 'tmpfs', target: '/tmpfs/here' },
        ],
      });
      const to = target(
        place === '/etc/passwd' || place === '/etc/group' ? join(canary, 'passwd') : canary,
      );
      await replace(container, place, to);
      const before = host();
      try {
        await container.start();
        await container.exec(['/bin/busybox', 'true'], { user: 'root', workingDir: '/work' });
        for await (const _chunk of await container.files.copyOut('/etc')) continue;
      } catch (error) {
        if (!isWarrenError(error)) throw error;
        expect(error.kind).not.toBe('internal');
      }
      expect(host()).toEqual(before);
    });
  });

  test('lead nowhere for names of users', async () => {
    await using container = await own.engine.create({
      image: 'busybox',
      command: ['sleep', '1000'],
      user: 'intruder',
    });
    writeFileSync(join(canary, 'passwd'), 'intruder:x:0:0::/:/bin/sh\n');
    await replace(container, '/etc/passwd', join(canary, 'passwd'));
    await expect(container.start()).rejects.toMatchObject({ code: 'NO_SUCH_USER' });
  });

  /** Swaps /tmp/a between a directory and links to the canary as fast as it can. */
  const race = `mkdir -p /tmp/real/sub; echo inside > /tmp/real/x; cd /tmp
    ln -s CANARY out; ln -s / up; ln -s real a
    while :; do ln -sfn CANARY t; mv -T t a; ln -sfn real t; mv -T t a; ln -sfn ../../../../../../CANARY t; mv -T t a; done`;

  test('lead nowhere while files are copied and the container swaps them', async () => {
    await using container = await own.engine.run({
      image: 'busybox',
      command: ['sh', '-c', race.replaceAll('CANARY', canary)],
      stopTimeoutMs: 0,
    });
    const archive = execFileSync('tar', ['-C', canary, '-c', 'x'], { maxBuffer: 1 << 20 });
    const planted = Buffer.from(
      archive.toString('latin1').replaceAll(secret, 'P'.repeat(secret.length)),
      'latin1',
    );
    const before = host();
    let copied = 0;
    const end = Date.now() + 4000;
    while (Date.now() < end) {
      for (const path of ['/tmp/a', '/tmp/a/', '/tmp/a/x', '/tmp/a/sub']) {
        try {
          const chunks: Buffer[] = [];
          const stream = await container.files.copyOut(path, { followLink: true });
          for await (const chunk of stream) chunks.push(chunk as Buffer);
          copied += 1;
          expect(Buffer.concat(chunks).includes(secret)).toBe(false);
        } catch (error) {
          if (!isWarrenError(error)) throw error;
        }
      }
      const input = new PassThrough();
      input.end(planted);
      try {
        await container.files.copyIn('/tmp/a', input);
        copied += 1;
      } catch (error) {
        if (!isWarrenError(error)) throw error;
      }
    }
    expect(copied).toBeGreaterThan(5);
    expect(host()).toEqual(before);
  });

  test('lead nowhere for mount targets that are swapped during a start', async () => {
    await using swapper = await own.engine.run({
      image: 'busybox',
      command: ['sh', '-c', race.replaceAll('CANARY', canary)],
      stopTimeoutMs: 0,
      mounts: [{ type: 'volume', source: 'swapped', target: '/tmp' }],
    });
    const before = host();
    const outcomes = await Promise.all(
      Array.from({ length: 40 }, async () => {
        try {
          await using other = await own.engine.run({
            image: 'busybox',
            command: ['sleep', '1000'],
            stopTimeoutMs: 0,
            mounts: [
              { type: 'volume', source: 'swapped', target: '/tmp' },
              { type: 'tmpfs', target: '/tmp/a/over' },
            ],
          });
          return await shell(other, 'echo up');
        } catch (error) {
          if (!isWarrenError(error)) throw error;
          return error.kind;
        }
      }),
    );
    expect(outcomes).toContain('up\n');
    expect(host()).toEqual(before);
    await swapper.kill();
  });
});
