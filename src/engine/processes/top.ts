import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { isProcessGone } from '../../base/errors.js';
import { StallWatch } from '../../host/tree/stall-watch.js';
import type { ContainerRecord } from '../../model/container.js';
import { requireStatus } from '../../model/status.js';
import type { EngineContext } from '../context.js';
import type { ProcessTable } from '../contract.js';
import { readState } from '../state/read-states.js';

const clockTicksPerSecond = 100;
const maximumCommandLength = 4096;

interface ProcessFacts {
  readonly pid: number;
  readonly ppid: number;
  readonly uid: number;
  readonly tty: number;
  readonly state: string;
  readonly cpuTicks: number;
  readonly startTicks: number;
  readonly rssPages: number;
  readonly vsizeBytes: number;
  readonly threads: number;
  readonly nice: number;
  readonly comm: string;
  readonly command: string;
}

/** Controls of a container must not reach somebody's terminal. */
function printable(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f-\u009f]/g, '?').slice(0, maximumCommandLength);
}

/** A process may keep its arguments in a mapped file, of whatever file system: only reading those can block. */
async function processFacts(pid: number, watch: StallWatch): Promise<ProcessFacts | null> {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const status = readFileSync(`/proc/${pid}/status`, 'latin1');
    const argv = await watch.during(() => readFile(`/proc/${pid}/cmdline`, 'utf8'));
    const comm = stat.slice(stat.indexOf('(') + 1, stat.lastIndexOf(')'));
    // Fields from the third on (proc_pid_stat(5)).
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const number = (field: number): number => Number(fields[field - 3] ?? 0);
    const command = argv.replace(/\0+$/, '').replaceAll('\0', ' ');
    return {
      pid,
      ppid: number(4),
      uid: Number(/^Uid:\s+(\d+)/m.exec(status)?.[1] ?? 0),
      tty: number(7),
      state: fields[0] ?? '?',
      cpuTicks: number(14) + number(15),
      nice: number(19),
      threads: number(20),
      startTicks: number(22),
      vsizeBytes: number(23),
      rssPages: number(24),
      comm: printable(comm),
      command: printable(command === '' ? `[${comm}]` : command),
    };
  } catch (error) {
    if (isProcessGone(error)) return null;
    throw error;
  }
}

function ttyName(device: number): string {
  const major = (device >> 8) & 0xfff;
  if (device === 0) return '?';
  return major >= 136 && major < 144 ? `pts/${device & 0xff}` : `${major},${device & 0xff}`;
}

function clockTime(ticks: number): string {
  const seconds = Math.floor(ticks / clockTicksPerSecond);
  const parts = [Math.floor(seconds / 3600), Math.floor((seconds % 3600) / 60), seconds % 60];
  return parts.map((part) => String(part).padStart(2, '0')).join(':');
}

interface RowContext {
  /** Subtracted from host ids of the container's range. */
  readonly idBase: number;
  readonly idCount: number;
  readonly bootMs: number;
  readonly nowMs: number;
}

function startTime(facts: ProcessFacts, row: RowContext): string {
  const startMs = row.bootMs + (facts.startTicks / clockTicksPerSecond) * 1000;
  return new Date(startMs).toTimeString().slice(0, 5);
}

function uidInside({ uid }: ProcessFacts, { idBase, idCount }: RowContext): string {
  return uid >= idBase && uid < idBase + idCount ? String(uid - idBase) : String(uid);
}

function cpuShare(facts: ProcessFacts, row: RowContext): string {
  const startMs = row.bootMs + (facts.startTicks / clockTicksPerSecond) * 1000;
  const elapsedTicks = Math.max(1, ((row.nowMs - startMs) / 1000) * clockTicksPerSecond);
  return String(Math.floor((facts.cpuTicks / elapsedTicks) * 100));
}

/** As ps names them. */
const columns: Readonly<Record<string, (facts: ProcessFacts, row: RowContext) => string>> = {
  UID: uidInside,
  PID: (facts) => String(facts.pid),
  PPID: (facts) => String(facts.ppid),
  C: cpuShare,
  STIME: startTime,
  TTY: (facts) => ttyName(facts.tty),
  TIME: (facts) => clockTime(facts.cpuTicks),
  CMD: (facts) => facts.command,
  COMM: (facts) => facts.comm,
  STAT: (facts) => facts.state,
  NI: (facts) => String(facts.nice),
  NLWP: (facts) => String(facts.threads),
  RSS: (facts) => String(facts.rssPages * 4),
  VSZ: (facts) => String(Math.floor(facts.vsizeBytes / 1024)),
};

const defaultColumns = ['UID', 'PID', 'PPID', 'C', 'STIME', 'TTY', 'TIME', 'CMD'];

/**
 * The processes of a running container, pids as the host sees them and users as the container does.
 * @param wanted column names; unknown ones are left out. Default: those of `ps -ef`
 */
export async function containerTop(
  context: EngineContext,
  record: ContainerRecord,
  wanted: readonly string[] = defaultColumns,
): Promise<ProcessTable> {
  const { status, pid: init } = await readState(context, record);
  requireStatus('top', status, record.name);
  const watch = new StallWatch({ host: context.host, pid: init, ids: record.ids });
  const titles = wanted.map((name) => name.toUpperCase()).filter((name) => name in columns);
  const nowMs = context.clock.now();
  const uptimeMs = Number(readFileSync('/proc/uptime', 'utf8').split(' ')[0]) * 1000;
  const row: RowContext = {
    idBase: record.ids?.base ?? 0,
    idCount: record.ids?.count ?? 0,
    bootMs: nowMs - uptimeMs,
    nowMs,
  };
  const rows: string[][] = [];
  for (const pid of context.cgroups.processes(record.cgroupPath)) {
    const facts = await processFacts(pid, watch);
    if (facts !== null) rows.push(titles.map((title) => columns[title]?.(facts, row) ?? ''));
  }
  return { titles, rows };
}
