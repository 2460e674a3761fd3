import { describe, expect, test } from 'vitest';
import { headroomOf } from '../../../src/density/host/headroom.js';

const text = 'MemTotal: 9000 kB\nMemFree:  1000 kB\nMemAvailable:    4000 kB\n';

describe('the memory that containers may still take', () => {
  test('is what is available while there are few of them', () => {
    expect(headroomOf({ containers: 2000, superblocks: 5 }, text)).toEqual({
      bytes: 4_096_000,
      counted: 'available',
    });
  });

  test('is only what is free with so many that the kernel cannot reclaim the rest', () => {
    expect(headroomOf({ containers: 2001, superblocks: 5 }, text)).toEqual({
      bytes: 1_024_000,
      counted: 'free',
    });
    expect(headroomOf({ containers: 14_000, superblocks: 3 }, text).counted).toBe('free');
  });

  test('is never more than what is available', () => {
    const tight = text.replace('4000', '500');
    expect(headroomOf({ containers: 14_000, superblocks: 5 }, tight).bytes).toBe(512_000);
  });
});
