import { once } from 'node:events';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import type { Engine } from '../../src/engine/engine.js';
import type { Image } from '../../src/model/image.js';
import { openTestEngine, type TestEngine } from '../fixtures/engine.js';
import { expectCleanStore } from '../fixtures/image-store.js';
import { RegistryProxy } from '../fixtures/registry/registry-proxy.js';
import { TestRegistry } from '../fixtures/registry/registry.js';
import { tarOf } from '../fixtures/tar.js';
import { describeAsRoot } from '../privileges.js';
import { expectNoLeaks, removeAll } from './fixtures/containers.js';
import { startCli } from './fixtures/engine-process.js';
import { eventually } from './fixtures/eventually.js';

const files = Array.from({ length: 20_000 }, (_, index) => ({
  path: `d${index % 300}/f${index}`,
  content: `content of ${index}\n`,
}));

describeAsRoot('when a command is killed in the middle of', () => {
  let source: TestEngine;
  let registry: TestRegistry;
  let proxy: RegistryProxy;
  let own: TestEngine;
  let name: string;
  let pushed: Image;

  beforeAll(async () => {
    source = await openTestEngine();
    registry = await TestRegistry.start({ directory: join(source.scope.directory, 'registry') });
    proxy = await RegistryProxy.start(registry.host);
    name = `${proxy.host}/many/files:v1`;
    await source.engine.images.buildBase('busybox');
    pushed = await source.engine.images.import(tarOf(files), { reference: name });
    await source.engine.images.push(name);
  });

  afterAll(async () => {
    await proxy[Symbol.asyncDispose]();
    await registry[Symbol.asyncDispose]();
    await source[Symbol.asyncDispose]();
  });

  beforeEach(async () => {
    own = await openTestEngine();
  });

  afterEach(async () => {
    await removeAll(own.engine);
    await expectNoLeaks(own.engine);
    await own[Symbol.asyncDispose]();
  });

  const inDataRoot = (...path: string[]): string => join(own.scope.dataRoot, ...path);

  /** Runs a command, and kills it when the store looks so. */
  async function killedWhen(args: readonly string[], middle: () => boolean): Promise<void> {
    const { child } = startCli(own.scope, args);
    const ended = once(child, 'exit');
    await eventually('the command is in the middle', middle);
    child.kill('SIGKILL');
    expect(await ended).toEqual([null, 'SIGKILL']);
  }

  /** The first file below `tmp` whose path looks so. */
  function temporaryFile(pattern: RegExp): string | undefined {
    const found = readdirSync(inDataRoot('tmp'), { recursive: true, encoding: 'utf8' });
    return found.find((path) => pattern.test(path));
  }

  /** Requests of the layer: the other blob is the config. */
  const layer = (): RegExp => new RegExp(`^GET .*/blobs/(?!${pushed.id})`);

  /** Sizes of blobs that are on their way. */
  const arrived = (): number[] =>
    readdirSync(inDataRoot('images', 'ingest')).map(
      (each) => statSync(inDataRoot('images', 'ingest', each)).size,
    );

  test('a pull, the next one goes on from there and leaves nothing over', async () => {
    const bytes = 50_000;
    const stalled = proxy.stallAnswer(layer(), bytes);
    await killedWhen(['pull', name], () => arrived().includes(bytes));
    await stalled;
    const engine = await own.open();
    const starts: number[] = [];
    await engine.images.pull(name, {
      onProgress: (event) => {
        if (event.kind === 'layer' && event.status === 'downloading') starts.push(event.done);
      },
    });
    expect(starts.filter((start) => start > 0)[0]).toBe(bytes);
    expect(proxy.requests(layer())).toHaveLength(2);
    await expectWhole(engine);
  });

  test('a pull that another one waits for, that one goes on from there', async () => {
    const bytes = 60_000;
    const before = proxy.requests(layer()).length;
    const stalled = proxy.stallAnswer(layer(), bytes);
    const { child } = startCli(own.scope, ['pull', name]);
    const ended = once(child, 'exit');
    await stalled;
    await eventually('it is written', () => arrived().includes(bytes));
    let waits: () => void = () => undefined;
    const waiting = new Promise<void>((resolve) => (waits = resolve));
    const pulling = own.engine.images.pull(name, {
      onProgress: (event) => {
        if (event.kind === 'step' && event.name === 'wait') waits();
      },
    });
    await waiting;
    child.kill('SIGKILL');
    await ended;
    expect((await pulling).status).toBe('downloaded');
    expect(proxy.requests(layer()).slice(before)).toEqual([
      expect.stringMatching(/[0-9a-f]$/),
      expect.stringMatching(new RegExp(` bytes=${bytes}-$`)),
    ]);
    await own.open();
    await expectWhole(own.engine);
  });

  test('unpacking, the next pull unpacks what is there and leaves nothing over', async () => {
    const before = proxy.requests(/blobs/).length;
    await killedWhen(['pull', name], () => temporaryFile(/fs\/d\d+\/f\d+$/) !== undefined);
    expect(temporaryFile(/layer\.json$/)).toBeUndefined();
    expect(readdirSync(inDataRoot('layers'))).toEqual([]);
    const engine = await own.open();
    await engine.images.pull(name);
    // The blobs were there: config and layer came once.
    expect(proxy.requests(/blobs/)).toHaveLength(before + 2);
    await expectWhole(engine);
  });

  async function expectWhole(engine: Engine): Promise<void> {
    const image = await engine.images.get(name);
    expect(image).toMatchObject({ id: pushed.id, sizeBytes: pushed.sizeBytes });
    const unpacked = inDataRoot(image.layers[0] ?? '');
    const found = readdirSync(unpacked, { recursive: true, withFileTypes: true });
    expect(found.filter((each) => each.isFile())).toHaveLength(files.length);
    expectCleanStore(own.scope.dataRoot);
  }

  test('a commit, the container goes on, and the next one leaves nothing over', async () => {
    await own.engine.images.buildBase('busybox');
    const container = await own.engine.run({ image: 'busybox', command: ['sleep', '600'] });
    const fill = ['dd', 'if=/dev/urandom', 'of=/big', 'bs=1M', 'count=64'];
    expect(await container.exec(fill)).toMatchObject({ exitCode: 0 });
    const packed = (): number => {
      const path = temporaryFile(/\/layer$/);
      return path === undefined ? 0 : statSync(inDataRoot('tmp', path)).size;
    };
    await killedWhen(['commit', container.id, 'made:v1'], () => packed() > 1_000_000);
    expect(packed()).toBeLessThan(64 << 20);
    const engine = await own.open();
    expect((await container.state()).status).toBe('running');
    expect(await container.exec(['cat', '/proc/uptime'])).toMatchObject({ exitCode: 0 });
    expect((await engine.images.list()).map(({ references }) => references)).toEqual([
      ['busybox:latest'],
    ]);
    await engine.images.commit(container.id, { reference: 'made:v1' });
    const again = await engine.run({ image: 'made:v1', command: ['sleep', '600'] });
    const sums = await Promise.all(
      [container, again].map((each) => each.exec(['sha256sum', '/big'])),
    );
    expect(sums[1]?.stdout).toBe(sums[0]?.stdout);
    expectCleanStore(own.scope.dataRoot);
  });
});
