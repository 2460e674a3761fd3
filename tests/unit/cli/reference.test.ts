import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { bootUnit } from '../../../src/cli/commands/system/boot-unit.js';
import { referencePage } from '../../../src/cli/reference/reference-page.js';

const docs = join(import.meta.dirname, '..', '..', '..', 'docs');

test('docs/cli.md is what `npm run docs` writes', async () => {
  expect(readFileSync(join(docs, 'cli.md'), 'utf8')).toBe(await referencePage());
});

test('docs/systemd/warren-boot.service is the unit that `warren boot --install` writes for /usr/bin/warren', () => {
  const shipped = readFileSync(join(docs, 'systemd', 'warren-boot.service'), 'utf8');
  expect(shipped).toBe(bootUnit(['/usr/bin/warren']));
});

test('a unit quotes what systemd would read as its own', () => {
  expect(bootUnit(['/opt/a "b" $c %d'])).toContain('ExecStart="/opt/a \\"b\\" $$c %%d" boot');
});
