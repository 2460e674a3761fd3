import { describe, expect, test } from 'vitest';
import { chunks, mapBounded, Semaphore } from '../../../src/base/limit.js';

describe('mapBounded', () => {
  test('keeps the order of results and never exceeds the limit', async () => {
    let running = 0;
    let most = 0;
    const results = await mapBounded([5, 1, 4, 2, 3], 2, async (item) => {
      running += 1;
      most = Math.max(most, running);
      for (let turn = 0; turn < item; turn += 1) await Promise.resolve();
      running -= 1;
      return item * 10;
    });
    expect(results).toEqual([50, 10, 40, 20, 30]);
    expect(most).toBe(2);
  });

  test('starts nothing new after an error and throws it', async () => {
    const started: number[] = [];
    const failing = mapBounded([1, 2, 3, 4], 1, async (item) => {
      started.push(item);
      if (item === 2) throw new Error('second');
    });
    await expect(failing).rejects.toThrow('second');
    expect(started).toEqual([1, 2]);
  });

  test('gives nothing for nothing', async () => {
    expect(await mapBounded([], 8, async () => 1)).toEqual([]);
  });
});

test('chunks splits into runs and keeps the rest', () => {
  expect(chunks([1, 2, 3, 4, 5], 2)).toEqual([[1, 2], [3, 4], [5]]);
  expect(chunks([], 2)).toEqual([]);
});

test('Semaphore serves waiters in order and frees its place after an error', async () => {
  const semaphore = new Semaphore(1);
  const order: number[] = [];
  const failing = semaphore.run(async () => {
    order.push(1);
    throw new Error('x');
  });
  const second = semaphore.run(async () => void order.push(2));
  const third = semaphore.run(async () => void order.push(3));
  await expect(failing).rejects.toThrow('x');
  await Promise.all([second, third]);
  expect(order).toEqual([1, 2, 3]);
});
