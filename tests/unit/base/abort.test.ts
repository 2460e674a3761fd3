import { setTimeout as delay } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, test } from 'vitest';
import { abortable, LinkedAbort, throwIfAborted } from '../../../src/base/abort.js';
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

describe('LinkedAbort', () => {
  test('fires with the first of the others, for its reason', () => {
    const first = new AbortController();
    const linked = new LinkedAbort(undefined, first.signal, new AbortController().signal);
    expect(linked.signal.aborted).toBe(false);
    first.abort('enough');
    expect(linked.signal.reason).toBe('enough');
    expect(new LinkedAbort(first.signal).signal.reason).toBe('enough');
  });

  test('fires by itself, and then the others do not', () => {
    const other = new AbortController();
    const linked = new LinkedAbort(other.signal);
    linked.abort('own');
    expect(linked.signal.reason).toBe('own');
    expect(other.signal.aborted).toBe(false);
  });

  test('does not follow the others once it is disposed of', () => {
    const other = new AbortController();
    const linked = new LinkedAbort(other.signal);
    linked[Symbol.dispose]();
    other.abort();
    expect(linked.signal.aborted).toBe(false);
  });

  test('fires for a timeout that nothing else refers to, whatever the garbage collector does', async () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const waiting = abortable(
      new Promise(() => {}),
      new LinkedAbort(new AbortController().signal, AbortSignal.timeout(100)).signal,
      'wait',
    );
    const caught = waiting.catch((error: unknown) => error);
    for (let round = 0; round < 20; round += 1) {
      collect();
      await delay(10);
    }
    expect(isWarrenError(await caught, 'timedOut')).toBe(true);
  });
});
