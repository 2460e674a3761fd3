import { appendFileSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readLog } from '../../../src/logs/read-log.js';
import type { LogEntry, LogQuery } from '../../../src/logs/reader.js';

const epoch = Date.parse('2026-01-01T00:00:00Z');

/** A line `seconds` after the epoch of the tests. */
function line(seconds: number, text: string, stream = 'stdout'): string {
  return `${timestamp(seconds)} ${stream} F ${text}\n`;
}

/** A line that the program has not ended yet. */
function partOfLine(seconds: number, text: string, stream: string): string {
  return `${timestamp(seconds)} ${stream} P ${text}\n`;
}

function timestamp(seconds: number): string {
  return new Date(epoch + seconds * 1000).toISOString().replace('Z', '000000Z');
}

let directory: string;
let path: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'wrn-logs-'));
  path = join(directory, 'output.log');
});

afterEach(() => {
  rmSync(directory, { recursive: true });
});

async function texts(query: LogQuery = {}): Promise<string[]> {
  const found: string[] = [];
  for await (const entry of readLog(path, query)) found.push(entry.text.toString());
  return found;
}

describe('readLog', () => {
  test('reads rotated files before the current one, oldest first', async () => {
    writeFileSync(`${path}.2`, line(1, 'one'));
    writeFileSync(`${path}.1`, line(2, 'two'));
    writeFileSync(path, line(3, 'three'));
    expect(await texts()).toEqual(['one', 'two', 'three']);
  });

  test('of a log that does not exist is empty', async () => {
    expect(await texts()).toEqual([]);
    expect(await texts({ tail: 3 })).toEqual([]);
  });

  test('gives streams, times and parts as they are in the file', async () => {
    writeFileSync(path, partOfLine(1, 'part ', 'stderr') + line(1, 'end', 'stderr'));
    const entries: LogEntry[] = [];
    for await (const entry of readLog(path, {})) entries.push(entry);
    expect(entries).toMatchObject([
      { stream: 'stderr', partial: true, timeMs: epoch + 1000 },
      { stream: 'stderr', partial: false, time: '2026-01-01T00:00:01.000000000Z' },
    ]);
  });

  test('filters by stream, since and until', async () => {
    writeFileSync(path, line(1, 'a') + line(2, 'b', 'stderr') + line(3, 'c') + line(4, 'd'));
    expect(await texts({ stdout: true })).toEqual(['a', 'c', 'd']);
    expect(await texts({ stderr: true })).toEqual(['b']);
    expect(await texts({ sinceMs: epoch + 2000, untilMs: epoch + 3000 })).toEqual(['b', 'c']);
  });

  test('skips what is no line of a log and keeps spaces in texts', async () => {
    writeFileSync(path, `rubbish\n${line(1, 'a  b ')}\n${line(2, '')}`);
    expect(await texts()).toEqual(['a  b ', '']);
  });

  test('leaves a line without its end for later', async () => {
    writeFileSync(path, `${line(1, 'a')}2026-01-01T00:00:02Z stdout F b`);
    expect(await texts()).toEqual(['a']);
    expect(await texts({ tail: 5 })).toEqual(['a']);
  });
});

describe('tail', () => {
  test('gives the last lines across rotated files', async () => {
    writeFileSync(`${path}.1`, line(1, 'a') + line(2, 'b'));
    writeFileSync(path, line(3, 'c'));
    expect(await texts({ tail: 2 })).toEqual(['b', 'c']);
    expect(await texts({ tail: 0 })).toEqual([]);
    expect(await texts({ tail: 9 })).toEqual(['a', 'b', 'c']);
  });

  test('counts the parts of a line as one, and lines of the wanted stream only', async () => {
    writeFileSync(
      path,
      line(1, 'x', 'stderr') + partOfLine(2, 'p', 'stdout') + line(2, 'q') + line(3, 'y', 'stderr'),
    );
    expect(await texts({ tail: 1, stdout: true })).toEqual(['p', 'q']);
  });

  test('reads back over blocks, whatever the lengths of lines are', async () => {
    const lines = Array.from({ length: 5000 }, (_, index) => `${index}-${'x'.repeat(index % 97)}`);
    writeFileSync(path, lines.map((text, index) => line(index, text)).join(''));
    expect(await texts({ tail: 4999 })).toEqual(lines.slice(1));
    expect(await texts({ sinceMs: epoch + 4990 * 1000 })).toEqual(lines.slice(4990));
  });
});

describe('follow', () => {
  function collecting(query: Omit<LogQuery, 'follow'> = {}): {
    readonly found: string[];
    readonly done: Promise<void>;
    readonly end: () => void;
    readonly until: (count: number) => Promise<void>;
  } {
    const found: string[] = [];
    let end = (): void => undefined;
    let wake = (): void => undefined;
    const ended = new Promise<void>((resolve) => {
      end = resolve;
    });
    const done = (async () => {
      for await (const entry of readLog(path, { ...query, follow: { ended } })) {
        found.push(entry.text.toString());
        wake();
      }
    })();
    const until = async (count: number): Promise<void> => {
      while (found.length < count) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    };
    return { found, done, end, until };
  }

  test('gives what is appended, through rotations, until the end', async () => {
    writeFileSync(path, line(1, 'a'));
    const reader = collecting();
    await reader.until(1);
    appendFileSync(path, line(2, 'b'));
    await reader.until(2);
    appendFileSync(path, line(3, 'c'));
    renameSync(path, `${path}.1`);
    writeFileSync(path, line(4, 'd'));
    await reader.until(4);
    renameSync(`${path}.1`, `${path}.2`);
    renameSync(path, `${path}.1`);
    writeFileSync(path, line(5, 'e'));
    appendFileSync(path, line(6, 'f'));
    reader.end();
    await reader.done;
    expect(reader.found).toEqual(['a', 'b', 'c', 'd', 'e', 'f']);
  });

  test('waits for a log that does not exist yet', async () => {
    const reader = collecting();
    writeFileSync(path, line(1, 'a'));
    await reader.until(1);
    reader.end();
    await reader.done;
    expect(reader.found).toEqual(['a']);
  });

  test('goes on from the last lines with tail', async () => {
    writeFileSync(path, line(1, 'a') + line(2, 'b'));
    const reader = collecting({ tail: 1 });
    await reader.until(1);
    appendFileSync(path, line(3, 'c'));
    await reader.until(2);
    reader.end();
    await reader.done;
    expect(reader.found).toEqual(['b', 'c']);
  });

  test('ends as canceled when its signal fires', async () => {
    writeFileSync(path, line(1, 'a'));
    const controller = new AbortController();
    const reader = collecting({ signal: controller.signal });
    await reader.until(1);
    controller.abort();
    await expect(reader.done).rejects.toMatchObject({ kind: 'canceled' });
  });
});
