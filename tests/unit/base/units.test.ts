import { describe, expect, test } from 'vitest';
import {
  formatAge,
  formatDuration,
  formatMemory,
  formatSize,
  parseBytes,
  parseDuration,
  parseTime,
} from '../../../src/base/units.js';

describe('parseBytes', () => {
  test.each([
    ['0', 0],
    ['1024', 1024],
    ['512k', 524_288],
    ['64m', 67_108_864],
    ['1.5g', 1_610_612_736],
    ['10MiB', 10_485_760],
    ['10MB', 10_485_760],
    ['2 GB', 2_147_483_648],
    ['-1', -1],
  ])('reads %s', (text, bytes) => {
    expect(parseBytes(text)).toBe(bytes);
  });

  test.each(['', 'm', '1x', '-5', '1..5m', '99999999p', '1mm'])('refuses "%s"', (text) => {
    expect(() => parseBytes(text, 'memory limit')).toThrow('Invalid memory limit');
  });
});

describe('durations', () => {
  test.each([
    ['0', 0],
    ['10s', 10_000],
    ['1h30m', 5_400_000],
    ['1.5s', 1500],
    ['250ms', 250],
    ['100us', 0.1],
    ['2d', 172_800_000],
  ])('reads %s', (text, ms) => {
    expect(parseDuration(text)).toBeCloseTo(ms);
  });

  test.each(['', '10', 's', '1x', '-1s', '1h 30m'])('refuses "%s"', (text) => {
    expect(() => parseDuration(text)).toThrow('not a duration');
  });

  test.each([
    [0, '0s'],
    [0.5, '500µs'],
    [250, '250ms'],
    [1500, '1.5s'],
    [90_000, '1m30s'],
    [5_400_000, '1h30m0s'],
  ])('prints %d ms as %s', (ms, text) => {
    expect(formatDuration(ms)).toBe(text);
  });
});

describe('people’s formats', () => {
  test('sizes on disk are decimal, memory is binary', () => {
    expect(formatSize(1_050_000)).toBe('1.05MB');
    expect(formatSize(999)).toBe('999B');
    expect(formatMemory(12.5 * 2 ** 20)).toBe('12.5MiB');
    expect(formatMemory(0)).toBe('0B');
  });

  test.each([
    [300, 'Less than a second'],
    [1000, '1 second'],
    [59_000, '59 seconds'],
    [61_000, 'About a minute'],
    [600_000, '10 minutes'],
    [3_700_000, 'About an hour'],
    [7_200_000, '2 hours'],
    [86_400_000 * 3, '3 days'],
  ])('says %d ms as "%s"', (ms, text) => {
    expect(formatAge(ms)).toBe(text);
  });
});

describe('parseTime', () => {
  const now = Date.parse('2026-01-31T12:00:00Z');
  test.each([
    ['2026-01-31T11:00:00Z', now - 3_600_000],
    ['1769860800', now],
    ['1769860800.25', now + 250],
    ['10m', now - 600_000],
  ])('reads %s', (text, ms) => {
    expect(parseTime(text, now)).toBe(ms);
  });

  test('refuses what is no time', () => {
    expect(() => parseTime('yesterday', now)).toThrow('Invalid time "yesterday"');
  });
});
