import { expect, test } from 'vitest';
import { orderOf, turnCount, turnOf } from '../../../../src/density/side-by-side/turns.js';

const turns = [...Array(turnCount).keys()];

test('turnOf gives short turns around one with all containers', () => {
  expect(turns.map((index) => turnOf(index, 200)?.count)).toEqual([50, 50, 200, 50]);
  expect(turns.map((index) => turnOf(index, 200)?.full)).toEqual([false, false, true, false]);
});

test('turnOf leaves short turns out where they would have a single container', () => {
  expect(turns.map((index) => turnOf(index, 8)?.count)).toEqual([2, 2, 8, 2]);
  expect(turns.map((index) => turnOf(index, 7)?.count)).toEqual([
    undefined,
    undefined,
    7,
    undefined,
  ]);
});

test('orderOf has every system once in every turn, and no two turns begin with the same', () => {
  const systems = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];
  const orders = turns.map((index) => orderOf(systems, index));
  for (const order of orders) expect([...order].sort()).toEqual(systems);
  expect(new Set(orders.map(([first]) => first)).size).toBe(turnCount);
});

test('orderOf has each of two systems first in half of the turns', () => {
  const first = turns.map((index) => orderOf(['a', 'b'], index)[0]);
  expect(first.filter((name) => name === 'a')).toHaveLength(turnCount / 2);
});
