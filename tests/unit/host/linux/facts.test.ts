import { describe, expect, test } from 'vitest';
import {
  parseFilesystems,
  parseRlimits,
  probeFacts,
  versionOf,
} from '../../../../src/host/linux/facts.js';

describe('facts', () => {
  test('of this machine are plausible', async () => {
    const facts = await probeFacts();
    expect(facts.version).toBeGreaterThanOrEqual(419);
    expect(facts.bootId).toMatch(/^[0-9a-f-]{36}$/);
    expect(facts.lastCapability).toBeGreaterThanOrEqual(37);
    expect(facts.filesystems).toContain('tmpfs');
    expect(facts.rlimits['nofile']?.hard).toBeGreaterThan(0);
    expect(facts.memoryBytes).toBeGreaterThan(2 ** 20);
  });

  test('order kernel versions', () => {
    expect(versionOf('6.18.44-x')).toBe(618);
    expect(versionOf('5.4.0')).toBe(504);
    expect(versionOf('strange')).toBe(0);
  });

  test('read the files of /proc', () => {
    expect(parseFilesystems('nodev\tsysfs\n\text4\n')).toEqual(['sysfs', 'ext4']);
    const limits = parseRlimits(
      'Limit                     Soft Limit           Hard Limit           Units     \n' +
        'Max cpu time              unlimited            unlimited            seconds   \n' +
        'Max open files            1024                 20000                files     \n' +
        'Max nice priority         0                    0                    \n',
    );
    expect(limits).toEqual({
      cpu: { soft: Infinity, hard: Infinity },
      nofile: { soft: 1024, hard: 20_000 },
      nice: { soft: 0, hard: 0 },
    });
  });
});
