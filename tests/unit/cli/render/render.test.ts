import { describe, expect, test } from 'vitest';
import type { ContainerState, ExitInfo } from '../../../../src/model/container.js';
import { painter } from '../../../../src/cli/render/colour.js';
import { calendarTime, shortDuration } from '../../../../src/cli/render/duration.js';
import { formatDocument, formatList, type ListView } from '../../../../src/cli/render/format.js';
import { printable } from '../../../../src/cli/render/printable.js';
import { progressText } from '../../../../src/cli/render/progress.js';
import { statusText } from '../../../../src/cli/render/status.js';
import { numberTableLines, tableLines } from '../../../../src/cli/render/table.js';

const nowMs = Date.UTC(2026, 0, 2, 12);

function exit(fields: Partial<ExitInfo>): ExitInfo {
  return {
    code: 0,
    signal: null,
    oomKilled: false,
    reason: 'own',
    startedAtMs: nowMs - 10_000,
    finishedAtMs: nowMs - 5000,
    usage: { userUs: 0, systemUs: 0, maxRssBytes: 0 },
    ...fields,
  };
}

function state(fields: Partial<ContainerState>): ContainerState {
  return {
    status: 'running',
    pid: 1,
    startedAtMs: nowMs - 180_000,
    lastExit: null,
    restartCount: 0,
    health: 'none',
    failingStreak: 0,
    ...fields,
  };
}

describe('a status', () => {
  test.each([
    [state({}), 'Up 3 minutes'],
    [state({ health: 'healthy' }), 'Up 3 minutes (healthy)'],
    [state({ health: 'starting' }), 'Up 3 minutes (health: starting)'],
    [state({ status: 'paused' }), 'Up 3 minutes (Paused)'],
    [state({ status: 'created' }), 'Created'],
    [state({ status: 'exited', lastExit: exit({ code: 137 }) }), 'Exited (137) 5 seconds ago'],
    [
      state({ status: 'exited', lastExit: exit({ code: null, finishedAtMs: 0 }) }),
      'Exited (unknown)',
    ],
    [state({ status: 'restarting', lastExit: exit({ code: 1 }) }), 'Restarting (1) 5 seconds ago'],
    [state({ status: 'removing' }), 'Removal In Progress'],
    [state({ status: 'dead' }), 'Dead'],
  ])('$status is worded as docker does', (value, text) => {
    expect(statusText(value, nowMs)).toBe(text);
  });
});

describe('a table', () => {
  test('aligns all columns but the last', () => {
    expect(
      tableLines([
        ['A', 'LONGER HEADING', 'C'],
        ['a long cell', 'b', 'c'],
      ]),
    ).toEqual(['A             LONGER HEADING   C', 'a long cell   b                c']);
  });

  test('does not count colours, and keeps a row on its line', () => {
    expect(
      tableLines([
        ['\u001b[31mred\u001b[39m', 'x'],
        ['a\nb', 'y'],
      ]),
    ).toEqual(['\u001b[31mred\u001b[39m       x', 'a b       y']);
  });

  test('of numbers is aligned to the right', () => {
    expect(
      numberTableLines(
        [
          ['NAME', 'HELD'],
          ['memory', '5'],
        ],
        1,
      ),
    ).toEqual(['NAME    HELD', 'memory     5']);
  });
});

interface Row {
  readonly id: string;
  readonly labels: Readonly<Record<string, string>>;
}

const view: ListView<Row> = {
  headings: { ID: 'CONTAINER ID', Labels: 'LABELS' },
  columns: ['ID', 'Labels'],
  row: ({ id, labels }) => ({
    ID: id,
    Labels: Object.keys(labels).join(','),
    Label: (key: unknown) => labels[String(key)] ?? '',
  }),
};

const rows: Row[] = [
  { id: 'a1', labels: { tier: 'front' } },
  { id: 'b2', labels: {} },
];

describe('--format', () => {
  test('is a table by default', () => {
    expect(formatList(view, rows)).toEqual([
      'CONTAINER ID   LABELS',
      'a1             tier',
      'b2             ',
    ]);
  });

  test('takes a template for each row', () => {
    expect(formatList(view, rows, '{{.ID}}\\t{{.Label "tier"}}')).toEqual(['a1\tfront', 'b2\t']);
  });

  test('takes a table of chosen columns, with headings', () => {
    expect(formatList(view, rows, 'table {{.ID}}\t{{upper .Labels}}\\t{{.Label "tier"}}')).toEqual([
      'CONTAINER ID   LABELS    ',
      'a1             TIER      front',
      'b2                       ',
    ]);
  });

  test('writes an object a line as json', () => {
    expect(formatList(view, rows, 'json')).toEqual([
      '{"ID":"a1","Labels":"tier"}',
      '{"ID":"b2","Labels":""}',
    ]);
  });

  test('of a document is indented JSON, one line, or a template', () => {
    expect(formatDocument({ A: 1 }, undefined)).toBe('{\n    "A": 1\n}');
    expect(formatDocument({ A: 1 }, 'json')).toBe('{"A":1}');
    expect(formatDocument({ A: { B: 2 } }, '{{.A.B}}')).toBe('2');
  });
});

test('text of containers cannot move the cursor of a terminal', () => {
  expect(printable('a\u001b[2Jb\r\n\tc\u202ed\u009b')).toBe('a\\x1b[2Jb\\x0d\\x0a\tc\\u202ed\\x9b');
});

test('colours are for terminals, unless the environment says otherwise', () => {
  const plain = 'x';
  const red = '\u001b[31mx\u001b[39m';
  const paint = (isTerminal: boolean, environment: Record<string, string>): string =>
    painter({ isTerminal, environment })('red', 'x');
  expect(paint(true, {})).toBe(red);
  expect(paint(false, {})).toBe(plain);
  expect(paint(true, { NO_COLOR: '1' })).toBe(plain);
  expect(paint(true, { TERM: 'dumb' })).toBe(plain);
  expect(paint(false, { FORCE_COLOR: '1' })).toBe(red);
});

test('times and progress are short', () => {
  expect([shortDuration(400), shortDuration(12_300), shortDuration(185_000)]).toEqual([
    '0.4s',
    '12s',
    '3m05s',
  ]);
  expect(calendarTime(nowMs)).toBe('2026-01-02 12:00:00 +0000 UTC');
  expect(progressText({ kind: 'count', name: 'start', done: 5, total: 10 })).toBe(
    'start [==========          ] 5/10',
  );
  expect(progressText({ kind: 'bytes', name: 'unpack', done: 1_500_000, total: null })).toBe(
    'unpack 1.5MB',
  );
  expect(progressText({ kind: 'step', name: 'build', detail: 'layers' })).toBe('build: layers');
});
