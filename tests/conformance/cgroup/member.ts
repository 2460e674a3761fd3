import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { CgroupGroup, CgroupSetup } from '../../../src/cgroup/driver.js';
import type { CgroupFiles } from '../../../src/host/port.js';

/** What the keeper does with a setup before the process exists. */
export function makeGroups(files: CgroupFiles, setup: CgroupSetup): void {
  for (const group of setup.make) files.make(group);
  for (const { file, value, ...group } of setup.writes) files.write(group, file, value);
  if (setup.deviceProgram !== null) attachDeviceProgram(files, setup.deviceProgram);
}

/** bpf(2) has no interface in Node: BPF_PROG_LOAD and BPF_PROG_ATTACH through Python's ctypes. */
const attachScript = `
import ctypes, os, struct, sys
libc = ctypes.CDLL(None, use_errno=True)
def bpf(command, attributes):
    buffer = ctypes.create_string_buffer(attributes, 128)
    result = libc.syscall(321 if os.uname().machine == 'x86_64' else 280, command, buffer, 128)
    if result < 0:
        sys.exit(os.strerror(ctypes.get_errno()) + ' ' + log.value.decode())
    return result
program = open(sys.argv[2], 'rb').read()
code = ctypes.create_string_buffer(program, len(program))
log = ctypes.create_string_buffer(65536)
licence = ctypes.create_string_buffer(b'GPL')
at = ctypes.addressof
load = struct.pack('IIQQIIQ', 15, len(program) // 8, at(code), at(licence), 1, 65536, at(log))
fd = bpf(5, load)
group = os.open(sys.argv[1], os.O_RDONLY | os.O_DIRECTORY)
bpf(8, struct.pack('IIII', group, fd, 6, 0))
`;

function attachDeviceProgram(
  files: CgroupFiles,
  { group, program }: NonNullable<CgroupSetup['deviceProgram']>,
): void {
  const directory = mkdtempSync(join(tmpdir(), 'wrnt-bpf-'));
  try {
    const file = join(directory, 'program');
    writeFileSync(file, program);
    const path = groupDirectory(files, group);
    const { status, stderr } = spawnSync('python3', ['-c', attachScript, path, file], {
      encoding: 'utf8',
    });
    if (status !== 0) throw new Error(`Cannot attach the device program: ${stderr}`);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

export function groupDirectory(files: CgroupFiles, { hierarchy, path }: CgroupGroup): string {
  return join(files.hierarchies[hierarchy]?.mountPoint ?? '', path);
}

/** The process enters by itself: a write of 0 means the writer. */
function enterScript(files: CgroupFiles, groups: readonly CgroupGroup[]): string {
  return groups
    .map((group) => {
      const file = group.hierarchy === 0 ? 'cgroup.procs' : 'tasks';
      return `echo 0 >'${join(groupDirectory(files, group), file)}' || exit 99`;
    })
    .join('\n');
}

export interface Member {
  readonly process: ChildProcess;
  readonly pid: number;
  /** Ends it and waits for its end. */
  stop(): Promise<void>;
}

export interface MemberResult {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
}

/** Starts `script` in the groups and resolves when it is in them. */
export async function startMember(
  files: CgroupFiles,
  groups: readonly CgroupGroup[],
  script: string,
): Promise<Member> {
  const child = spawn('sh', ['-c', `${enterScript(files, groups)}\necho entered\n${script}`], {
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true,
  });
  const ended = once(child, 'exit');
  const lines = createInterface({ input: child.stdout });
  await Promise.race([once(lines, 'line'), ended]);
  if (child.exitCode === 99) throw new Error('Cannot enter the groups');
  return {
    process: child,
    pid: child.pid ?? 0,
    async stop() {
      if (child.exitCode === null && child.signalCode === null) {
        process.kill(-(child.pid ?? 0), 'SIGKILL');
        await ended;
      }
    },
  };
}

/** Runs `script` in the groups to its end. */
export function runMember(
  files: CgroupFiles,
  groups: readonly CgroupGroup[],
  script: string,
): MemberResult {
  const { status, signal, stdout } = spawnSync(
    'sh',
    ['-c', `${enterScript(files, groups)}\n${script}`],
    { encoding: 'utf8' },
  );
  return { code: status, signal, stdout };
}
