import { describe, expect, test } from 'vitest';
import { BadValue } from '../../../../src/cli/parse/value/bad-value.js';
import { DetachFilter, parseDetachKeys } from '../../../../src/cli/terminal/detach-keys.js';

function feed(keys: string, ...chunks: readonly string[]): { text: string; detached: boolean } {
  const filter = new DetachFilter(parseDetachKeys(keys));
  let text = '';
  for (const chunk of chunks) {
    const { data, detached } = filter.feed(Buffer.from(chunk, 'latin1'));
    text += Buffer.from(data).toString('latin1');
    if (detached) return { text, detached };
  }
  return { text, detached: false };
}

describe('detach keys', () => {
  test('are control keys or characters', () => {
    expect([...parseDetachKeys('ctrl-p,ctrl-q')]).toEqual([16, 17]);
    expect([...parseDetachKeys('ctrl-@,ctrl-],x')]).toEqual([0, 29, 120]);
    expect([...parseDetachKeys('')]).toEqual([]);
    for (const text of ['ctrl-', 'ab', 'ctrl-p,', 'é'])
      expect(() => parseDetachKeys(text)).toThrow(BadValue);
  });

  test('leave, in one piece or key by key', () => {
    expect(feed('ctrl-p,ctrl-q', 'ab\x10\x11c')).toEqual({ text: 'ab', detached: true });
    expect(feed('ctrl-p,ctrl-q', 'a', '\x10', '\x11')).toEqual({ text: 'a', detached: true });
  });

  test('a part of the sequence is passed on when something else follows', () => {
    expect(feed('ctrl-p,ctrl-q', '\x10', 'x')).toEqual({ text: '\x10x', detached: false });
    expect(feed('ctrl-p,ctrl-q', '\x10\x10\x11')).toEqual({ text: '\x10', detached: true });
    expect(feed('ctrl-p,ctrl-q', '\x10')).toEqual({ text: '', detached: false });
  });

  test('without keys nothing is held back', () => {
    expect(feed('', '\x10\x11')).toEqual({ text: '\x10\x11', detached: false });
  });
});
