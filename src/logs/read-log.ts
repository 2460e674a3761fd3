import { throwIfAborted } from '../base/abort.js';
import { DirectoryWatch } from './directory-watch.js';
import { LineReader, linesBackwards } from './line-reader.js';
import { type LogFile, logPaths, openLog, successorOf } from './log-files.js';
import { parseLogLine } from './log-line.js';
import type { LogEntry, LogQuery } from './reader.js';
import { offsetOfTime } from './time-offset.js';

/** The reader's place: a file, and the lines of it that come next. */
interface Place {
  readonly file: LogFile;
  readonly lines: LineReader;
}

/**
 * Reads a container's log, rotated siblings first. `tail` reads backwards from the end, `since` bisects; neither reads what
 * it does not give. A log that does not exist yet is empty, and followed once it is there.
 */
export async function* readLog(path: string, query: LogQuery): AsyncGenerator<LogEntry, void> {
  throwIfAborted(query.signal, 'read the log');
  const watch = query.follow === undefined ? null : new DirectoryWatch(path, query.signal);
  const place: { current: Place | null } = { current: null };
  try {
    for await (const entry of pastEntries(path, query, place)) {
      if (entry.timeMs > (query.untilMs ?? Infinity)) return;
      yield entry;
    }
    if (watch !== null && query.follow !== undefined) {
      yield* followed(path, { query, place, watch, ended: query.follow.ended });
    }
  } finally {
    watch?.close();
    await place.current?.file.handle.close();
  }
}

function wanted(query: LogQuery): (entry: LogEntry) => boolean {
  // Neither named: both, as in docker logs.
  const both = query.stdout !== true && query.stderr !== true;
  const streams = { stdout: both || query.stdout === true, stderr: both || query.stderr === true };
  const since = query.sinceMs ?? -Infinity;
  return (entry) => streams[entry.stream] && entry.timeMs >= since;
}

/** What is there now. Leaves `place` behind the last line that was read. */
async function* pastEntries(
  path: string,
  query: LogQuery,
  place: { current: Place | null },
): AsyncGenerator<LogEntry, void> {
  const paths = await logPaths(path);
  const matches = wanted(query);
  if (query.tail !== undefined) {
    yield* await tailEntries(paths, query, place);
    return;
  }
  for (const candidate of paths) {
    throwIfAborted(query.signal, 'read the log');
    const file = await openLog(candidate);
    if (file === null) continue;
    await place.current?.file.handle.close();
    const since = query.sinceMs ?? 0;
    const offset =
      file.modifiedMs < since ? file.size : await offsetOfTime(file.handle, file.size, since);
    place.current = { file, lines: new LineReader(file.handle, offset) };
    yield* entriesOf(place.current.lines, matches);
  }
}

async function* entriesOf(
  lines: LineReader,
  matches: (entry: LogEntry) => boolean,
): AsyncGenerator<LogEntry, void> {
  for await (const line of lines.lines()) {
    const entry = parseLogLine(line);
    if (entry !== null && matches(entry)) yield entry;
  }
}

/** The last lines, in order. Parts of a line count with its end. */
async function tailEntries(
  paths: readonly string[],
  query: LogQuery,
  place: { current: Place | null },
): Promise<readonly LogEntry[]> {
  const tail = query.tail ?? 0;
  const matches = wanted(query);
  const until = query.untilMs ?? Infinity;
  const since = query.sinceMs ?? -Infinity;
  const found: LogEntry[] = [];
  let full = 0;
  for (const candidate of [...paths].reverse()) {
    const file = await openLog(candidate);
    if (file === null) continue;
    const newest = place.current === null;
    if (newest) place.current = { file, lines: new LineReader(file.handle, file.size) };
    try {
      for await (const line of linesBackwards(file.handle, file.size)) {
        const entry = parseLogLine(line);
        if (entry === null || entry.timeMs > until) continue;
        if (entry.timeMs < since) return found.reverse();
        if (!matches(entry)) continue;
        if (!entry.partial) full += 1;
        if (full > tail) return found.reverse();
        found.push(entry);
      }
    } finally {
      if (!newest) await file.handle.close();
    }
  }
  return found.reverse();
}

interface Following {
  readonly query: LogQuery;
  readonly place: { current: Place | null };
  readonly watch: DirectoryWatch;
  readonly ended: Promise<void>;
}

async function* followed(
  path: string,
  { query, place, watch, ended }: Following,
): AsyncGenerator<LogEntry, void> {
  const matches = wanted(query);
  let over = false;
  const end = ended.then(() => {
    over = true;
    watch.wake();
  });
  end.catch(() => {
    over = true;
    watch.wake();
  });
  for (;;) {
    throwIfAborted(query.signal, 'read the log');
    // Seen before the last look: nothing is written after it.
    const last = over;
    for await (const entry of appended(path, place, matches)) {
      if (entry.timeMs > (query.untilMs ?? Infinity)) return;
      yield entry;
    }
    if (last) {
      await end;
      return;
    }
    await watch.changed();
  }
}

/** What was appended since, on through rotations. */
async function* appended(
  path: string,
  place: { current: Place | null },
  matches: (entry: LogEntry) => boolean,
): AsyncGenerator<LogEntry, void> {
  for (;;) {
    const current = place.current;
    const next =
      current === null
        ? ((await logPaths(path))[0] ?? null)
        : await successorOf(path, current.file.inode);
    // After the name of the successor is known, the file itself is complete: then its last lines are read.
    if (current !== null) yield* entriesOf(current.lines, matches);
    if (next === null) return;
    const file = await openLog(next);
    if (file === null) continue;
    await current?.file.handle.close();
    place.current = { file, lines: new LineReader(file.handle, 0) };
  }
}
