import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openImageStore } from '../../../src/image/store/open-store.js';
import { describeAsRoot } from '../../privileges.js';
import { programRunner } from '../../program-runner.js';
import { newScope, removeScope, type TestScope } from '../../scope.js';

const own = {
  name: 'own',
  source: {
    kind: 'deb-package',
    package: 'busybox-static',
    files: [{ from: '/bin/busybox', to: '/opt/tools/busybox' }],
  },
  directories: [{ path: '/srv/data', mode: '2775' }, { path: '/etc' }],
  files: [
    { path: '/etc/motd', content: 'hello\n' },
    { path: '/etc/secret', mode: '0600', content: 'x' },
  ],
  links: [
    { path: '/bin/sh', target: '/opt/tools/busybox' },
    { path: '/z', target: 'etc/motd' },
  ],
  config: { Cmd: ['sh'], Env: ['PATH=/bin'], Labels: { b: '2', a: '1' } },
};

let scope: TestScope;
const umask = process.umask();

beforeEach(() => {
  scope = newScope();
});

afterEach(() => {
  process.umask(umask);
  removeScope(scope);
});

describeAsRoot('a recipe', () => {
  test.each(['tiny', 'busybox', 'own'])(
    '%s gives the same digests on two data roots, whoever builds it',
    async (name) => {
      const recipe = join(scope.directory, name);
      if (name === own.name) {
        mkdirSync(recipe);
        writeFileSync(join(recipe, 'recipe.json'), JSON.stringify(own));
      }
      const made = async (root: string, mask: number): Promise<unknown> => {
        process.umask(mask);
        const dataRoot = join(scope.directory, root);
        const store = await openImageStore({ dataRoot, host: programRunner });
        await store.buildBase(name, name === own.name ? { recipe } : {});
        const index = readFileSync(join(dataRoot, 'images', 'index.json'), 'utf8');
        const { manifests } = JSON.parse(index) as { manifests: { digest: string }[] };
        const blobs = readdirSync(join(dataRoot, 'images', 'blobs', 'sha256')).sort();
        return { manifest: manifests.map(({ digest }) => digest), blobs };
      };
      const first = await made('first', 0o022);
      expect(await made('second', 0o077)).toEqual(first);
      // Building again changes nothing, either.
      expect(await made('first', 0o027)).toEqual(first);
    },
  );
});
