import { expect, test } from 'vitest';
import { candidatesFor, type NameSources } from '../../../../src/cli/completion/candidates.js';

const names: NameSources = {
  container: async () => ['web', 'worker'],
  image: async () => ['tiny:latest', 'busybox:latest'],
  volume: async () => ['data'],
  network: async () => ['back'],
};

async function offered(line: string): Promise<readonly string[] | string> {
  const candidates = await candidatesFor(line.split(' '), names);
  return candidates.kind === 'words' ? candidates.words.map(({ text }) => text) : candidates.kind;
}

test.each([
  ['sta', ['stats', 'start']],
  ['im', ['image']],
  ['image b', ['build-base']],
  ['exec w', ['web', 'worker']],
  ['stop web wo', ['worker']],
  ['run --memory-s', ['--memory-swap', '--memory-swappiness']],
  ['run --restart un', ['unless-stopped']],
  ['run -it tin', ['tiny:latest']],
  ['run tiny --mem', []],
  ['run --env-file ', 'file'],
  ['--data-root ', 'directory'],
  ['--data-root /x exec wo', ['worker']],
  ['completion f', ['fish']],
  ['run -m ', []],
  ['nope x', []],
])('behind "warren %s" there is %j', async (line, expected) => {
  expect(await offered(line)).toEqual(expected);
});

test('commands that are not listed are not offered', async () => {
  expect(await offered('')).not.toContain('reconcile');
});
