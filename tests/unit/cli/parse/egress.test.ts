import { expect, test } from 'vitest';
import { BadValue } from '../../../../src/cli/parse/value/bad-value.js';
import { mergedEgress, parseEgress } from '../../../../src/cli/parse/egress.js';

test('an egress policy is a word, or what is allowed', () => {
  expect(parseEgress('deny')).toEqual({ policy: 'deny', allow: [] });
  expect(parseEgress('allow')).toEqual({ policy: 'allow', allow: [] });
  const text = 'allow=a.test,*.b.test:443,10.0.0.0/8:80,2001:db8::/32,[2001:db8::1]:22,192.0.2.1';
  expect(parseEgress(text)).toEqual({
    policy: 'deny',
    allow: [
      { kind: 'host', value: 'a.test', port: 0 },
      { kind: 'host', value: '*.b.test', port: 443 },
      { kind: 'cidr', value: '10.0.0.0/8', port: 80 },
      { kind: 'cidr', value: '2001:db8::/32', port: 0 },
      { kind: 'cidr', value: '2001:db8::1', port: 22 },
      { kind: 'cidr', value: '192.0.2.1', port: 0 },
    ],
  });
});

test.each([
  '',
  'none',
  'allow=',
  'allow=a,,b',
  'allow=a:0',
  'allow=a:70000',
  'allow=a:b',
  'allow=[::1',
])('is not %j', (text) => {
  expect(() => parseEgress(text)).toThrow(BadValue);
});

test('several flags are one policy', () => {
  expect(mergedEgress([])).toBeUndefined();
  const merged = mergedEgress([parseEgress('allow'), parseEgress('allow=a'), parseEgress('deny')]);
  expect(merged).toEqual({ policy: 'deny', allow: [{ kind: 'host', value: 'a', port: 0 }] });
});
