import { describe, expect, test } from 'vitest';
import { abortable, throwIfAborted } from '../../../src/base/abort.js';
import { isWarrenError } from '../../../src/base/errors.js';

describe('abortable', () => {
  test('rejects as canceled as soon as the signal fires', async () => {
    const controller = new AbortController();
    const waiting = abortable(new Promise(() => {}), controller.signal, 'wait for container web');
    controller.abort();
    const error: unknown = await waiting.catch((caught: unknown) => caught);
    expect(isWarrenError(error, 'canceled', 'CANCELED')).toBe(true);
    expect((error as Error).message).toBe('Cannot wait for container web: it was canceled');
  });

  test('tells a timeout from a cancellation', async () => {
    const waiting = abortable(new Promise(() => {}), AbortSignal.timeout(1), 'wait');
    const error: unknown = await waiting.catch((caught: unknown) => caught);
    expect(isWarrenError(error, 'timedOut')).toBe(true);
  });

  test('passes results through, with and without a signal', async () => {
    expect(await abortable(Promise.resolve(1), undefined, 'x')).toBe(1);
    expect(await abortable(Promise.resolve(2), new AbortController().signal, 'x')).toBe(2);
  });
});

test('throwIfAborted throws only when the signal has fired', () => {
  throwIfAborted(undefined, 'x');
  throwIfAborted(new AbortController().signal, 'x');
  expect(() => throwIfAborted(AbortSignal.abort(), 'list')).toThrow('Cannot list: it was canceled');
});
