import { describe, expect, test } from 'vitest';
import { parseSignal, signalName } from '../../../src/model/signals.js';

describe('parseSignal', () => {
  test.each([
    ['SIGTERM', 15],
    ['term', 15],
    ['KILL', 9],
    ['9', 9],
    ['SIGRTMIN+3', 37],
    ['RTMAX-1', 63],
    ['SIGRTMIN', 34],
  ])('reads %s', (text, number) => {
    expect(parseSignal(text)).toBe(number);
  });

  test.each(['', '0', '65', 'SIG', 'NOPE', 'SIGRTMIN+99', '-9'])('refuses "%s"', (text) => {
    expect(() => parseSignal(text)).toThrow('Invalid signal');
  });
});

test('signalName gives the usual name', () => {
  expect(signalName(9)).toBe('SIGKILL');
  expect(signalName(6)).toBe('SIGABRT');
  expect(signalName(34)).toBe('SIGRTMIN');
  expect(signalName(37)).toBe('SIGRTMIN+3');
});
