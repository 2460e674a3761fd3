import { describe, expect, test } from 'vitest';
import { parseRunMount } from '../../../../src/image/dockerfile/mount-flag.js';
import { parseDockerfile } from '../../../../src/image/dockerfile/parse.js';
import { findStage, intoStages, neededStages } from '../../../../src/image/dockerfile/stages.js';

const staged = (text: string): ReturnType<typeof intoStages> =>
  intoStages(parseDockerfile(text, 'D').instructions);

describe('stages', () => {
  const text = `ARG V=1
    FROM base AS One
    RUN a
    FROM other
    FROM one AS three
    COPY --from=1 x y
    FROM scratch AS four
    RUN --mount=type=bind,from=three,target=/x true
    FROM scratch AS alone`;

  test('have names and numbers, and come after what is for all', () => {
    const { globals, stages } = staged(text);
    expect(globals.map((each) => each.text)).toEqual(['V=1']);
    expect(stages.map(({ index, name, base }) => [index, name, base])).toEqual([
      [0, 'one', 'base'],
      [1, '', 'other'],
      [2, 'three', 'one'],
      [3, 'four', 'scratch'],
      [4, 'alone', 'scratch'],
    ]);
    expect(findStage(stages, 'THREE')?.index).toBe(2);
    expect(findStage(stages, '1')?.index).toBe(1);
    expect(findStage(stages, 'none')).toBeUndefined();
  });

  test.each([
    ['alone', [4]],
    ['three', [0, 1, 2]],
    ['four', [0, 1, 2, 3]],
  ])('%s needs %j', (name, needed) => {
    const { stages } = staged(text);
    const target = findStage(stages, name);
    if (target === undefined) throw new Error('It is there');
    expect(neededStages(stages, target).map(({ index }) => index)).toEqual(needed);
  });

  test('a base that only variables name may be any earlier stage', () => {
    const { stages } = staged('ARG B=x\nFROM a AS x\nFROM b AS y\nFROM $B AS z');
    const last = stages.at(-1);
    if (last === undefined) throw new Error('There are three');
    expect(neededStages(stages, last)).toHaveLength(3);
  });

  test.each([
    ['RUN x', 'D:1: RUN: there is no FROM before it'],
    ['ARG A', 'D:1: ARG: the file has no FROM'],
    ['FROM', 'the form is FROM IMAGE [AS NAME]'],
    ['FROM a b', 'the form is FROM IMAGE [AS NAME]'],
    ['FROM a AS 1x', 'invalid name of a stage: 1x'],
    ['FROM a AS b\nFROM c AS B', 'D:2: FROM: there is already a stage B'],
    ['FROM --nothing a', 'unknown flag --nothing'],
  ])('%j is refused', (content, message) => {
    expect(() => staged(content)).toThrow(message);
  });
});

describe('--mount', () => {
  test.each([
    [
      'type=cache,target=/c',
      { id: '/c', readOnly: false, sharing: 'shared', mode: 0o755, uid: 0, gid: 0 },
    ],
    ['type=cache,dst=/c,id=x,sharing=locked,mode=0700,uid=7,ro', { id: 'x', mode: 0o700, uid: 7 }],
    ['target=/in,src=a', { type: 'bind', from: '', source: 'a', readOnly: true }],
    ['type=bind,from=s,target=/in,rw', { source: '/', from: 's', readOnly: false }],
    ['type=secret,id=t', { target: '/run/secrets/t', required: false, mode: 0o400 }],
    ['type=secret,target=/a/key,required', { id: 'key', target: '/a/key', required: true }],
    ['type=tmpfs,target=/t,size=1m', { sizeBytes: 1 << 20 }],
  ])('%s', (text, expected) => {
    expect(parseRunMount(text)).toMatchObject(expected);
  });

  test.each([
    ['type=ssh', 'unknown mount type ssh'],
    ['type=cache', 'a mount needs a target'],
    ['type=tmpfs,target=/t,id=x', 'a tmpfs mount has no option id'],
    ['type=cache,target=/c,sharing=some', 'sharing is shared, private or locked'],
    ['type=secret', 'a secret needs an id'],
    ['type=cache,target=/c,mode=9', 'mode is no number: 9'],
    ['target=/c,ro=maybe', 'readonly is true or false'],
  ])('%s is refused', (text, message) => {
    expect(() => parseRunMount(text)).toThrow(message);
  });
});
