import { expect, test } from 'vitest';
import {
  countOfRanges,
  flatKeyed,
  limitValue,
  nestedKeyed,
  pressure,
} from '../../../../src/cgroup/reading/parse.js';

test('what stands for "no limit" in either version is null', () => {
  expect(['max', '-1', '9223372036854771712', '', null].map(limitValue)).toEqual(
    Array.from({ length: 5 }, () => null),
  );
  expect(limitValue('4096')).toBe(4096);
  expect(limitValue('0')).toBe(0);
});

test('flat and nested files are read', () => {
  expect(flatKeyed('anon 1\nfile 2').get('file')).toBe(2);
  expect(nestedKeyed('8:0 rbps=10 wbps=max').get('8:0')?.get('wbps')).toBe('max');
});

test('pressure has a second line where the kernel has one', () => {
  const some = 'some avg10=1.50 avg60=0.00 avg300=0.00 total=42';
  expect(pressure(some)).toEqual({
    some: { avg10: 1.5, avg60: 0, avg300: 0, totalUs: 42 },
    full: null,
  });
  expect(pressure(`${some}\n${some.replace('some', 'full')}`)?.full?.totalUs).toBe(42);
  expect(pressure(null)).toBeNull();
});

test('ranges are counted', () => {
  expect(['0', '0-3', '0-1,5', ''].map(countOfRanges)).toEqual([1, 4, 3, 0]);
});
