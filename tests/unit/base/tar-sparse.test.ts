import { execFileSync } from 'node:child_process';
import { createReadStream, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readTar } from '../../../src/base/tar/tar-reader.js';

describe('sparse files in archives', () => {
  let directory: string;
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'warren-sparse-'));
    const program =
      'import sys\nf = open("sparse", "wb")\nfor at in range(0, 40):\n  f.seek(at * 131072)\n  f.write(b"data%d" % at)\nf.truncate(9000001)\nf.close()';
    execFileSync('python3', ['-c', program], { cwd: directory });
    execFileSync('cp', ['--sparse=always', 'sparse', 'again'], { cwd: directory });
  });
  afterAll(() => {
    rmSync(directory, { recursive: true });
  });

  test.each([
    ['gnu', ['--format=gnu']],
    ['0.0', ['--format=posix', '--sparse-version=0.0']],
    ['0.1', ['--format=posix', '--sparse-version=0.1']],
    ['1.0', ['--format=posix', '--sparse-version=1.0']],
  ])('of GNU tar’s format %s are read with their holes', async (_name, options) => {
    const archive = join(directory, 'archive.tar');
    execFileSync('tar', [...options, '--sparse', '-cf', archive, 'sparse', 'again'], {
      cwd: directory,
    });
    const found: Buffer[] = [];
    for await (const member of readTar(createReadStream(archive))) {
      expect(member).toMatchObject({ type: 'file', sparse: true, size: 9000001 });
      const chunks: Buffer[] = [];
      for await (const chunk of member.content) chunks.push(chunk);
      found.push(Buffer.concat(chunks));
    }
    const original = readFileSync(join(directory, 'sparse'));
    expect(found).toHaveLength(2);
    for (const content of found) expect(content.equals(original)).toBe(true);
  });
});
