import { describe, expect, test } from 'vitest';
import { UndoStack, withUndo } from '../../../src/base/undo.js';

describe('UndoStack', () => {
  test('unwinds in reverse order, each step once', async () => {
    const order: string[] = [];
    const undo = new UndoStack();
    undo.defer('first', () => void order.push('first'));
    undo.defer('second', async () => void order.push('second'));
    await undo.unwind();
    await undo.unwind();
    expect(order).toEqual(['second', 'first']);
  });

  test('runs the other steps when one fails, and names it', async () => {
    const order: string[] = [];
    const undo = new UndoStack();
    undo.defer('first', () => void order.push('first'));
    undo.defer('second', () => {
      throw new Error('busy');
    });
    await expect(undo.unwind()).rejects.toThrow('Cannot undo second: busy');
    expect(order).toEqual(['first']);
  });

  test('does nothing at the end of its scope when it was committed', async () => {
    const order: string[] = [];
    await (async () => {
      await using undo = new UndoStack();
      undo.defer('step', () => void order.push('step'));
      undo.commit();
    })();
    expect(order).toEqual([]);
  });
});

describe('withUndo', () => {
  test('throws the error of the work after undoing it', async () => {
    const order: string[] = [];
    const failing = withUndo(async (undo) => {
      undo.defer('step', () => void order.push('undone'));
      throw new Error('no space');
    });
    await expect(failing).rejects.toThrow('no space');
    expect(order).toEqual(['undone']);
  });

  test('keeps both errors when the undo fails too', async () => {
    const failing = withUndo(async (undo) => {
      undo.defer('step', () => {
        throw new Error('busy');
      });
      throw new Error('no space');
    });
    await expect(failing).rejects.toThrow('no space (and Cannot undo step: busy)');
  });
});
