import { join } from 'node:path';
import { describe } from 'vitest';
import { cTests, file, folder } from './c-tests.js';

describe('plans', () => {
  process.env['SEEDS'] = file('fuzz/corpus/plan');
  const builder = join(import.meta.dirname, 'worker', 'plan-builder.c');
  cTests('plan', [builder, ...['plan', 'base'].flatMap(folder)]);
});
