import { expect, test } from 'vitest';
import * as library from '../../src/index.js';

test('the library exports what it promises and nothing else', () => {
  expect(Object.keys(library).sort()).toEqual(['Engine', 'WarrenError', 'isWarrenError']);
});
