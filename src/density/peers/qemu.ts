import type { ChildProcess } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { arch } from 'node:os';
import { join } from 'node:path';
import { LinkedAbort } from '../../base/abort.js';
import { isWarrenError, WarrenError } from '../../base/errors.js';
import type { Peer, PeerTask } from './peer.js';
import { end, startTalking } from './tools/background.js';
import { initramfsOf } from './tools/initramfs.js';
import { insideWords } from './tools/inside.js';
import { makeMemberCgroup, makePeerCgroup, memberCgroup } from './tools/limited-cgroup.js';
import { programName } from './tools/processes.js';
import { runProgram } from './tools/program.js';

const program = 'qemu-system-x86_64';
const kernelVariable = 'WARREN_DENSITY_KERNEL';
/** What /bin/tty, the same program by another name, writes to its terminal, the serial line. It then waits, too. */
const firstWords = 'columns';
/** Emulated, each takes seconds. */
const most = 8;
/** Less, and Debian's kernels do not boot. */
const smallestMebibytes = 96;
const kvmPatienceMs = 5000;
const patienceMs = 60_000;

type Accelerator = 'kvm' | 'tcg';

/** Found out once: a KVM that hangs takes its patience. */
let accelerator: Accelerator | undefined;

export const qemu: Peer = {
  name: 'qemu',
  title: 'QEMU virtual machine',
  most,
  variants: {
    default:
      'machine pc with 128 MiB, an own kernel, and the root file system as its initramfs; no limits',
    equal: `machine microvm with ${smallestMebibytes} MiB, which is its memory limit; the same kernel and root file system; a CPU limit would make its boot take minutes`,
  },
  prepare: async (task) => {
    if (arch() !== 'x64')
      throw unavailable('the benchmark knows only the machines of x86-64 processors');
    const { stdout } = await runProgram(program, ['--version']);
    const kernel = findKernel();
    const initramfs = join(task.directory, 'initramfs');
    writeFileSync(initramfs, initramfsOf(task.rootfs, { 'bin/tty': programName }));
    makePeerCgroup(task);
    const machine: Machine = { task, kernel, initramfs };
    accelerator ??= await findAccelerator(machine);
    const chosen = accelerator;
    const started: ChildProcess[] = [];
    return {
      version: `${stdout.split('\n')[0] ?? ''}, ${chosen === 'kvm' ? 'KVM' : 'software emulation (TCG)'}`,
      readiness: 'first words of the program on the serial line',
      launch: async (index) => {
        started.push(await boot(machine, { index, accelerator: chosen, patience: patienceMs }));
      },
      count: () =>
        started.filter(({ exitCode, signalCode }) => exitCode === null && signalCode === null)
          .length,
      stop: async () => {
        await Promise.all(started.splice(0).map(end));
      },
    };
  },
};

interface Machine {
  readonly task: PeerTask;
  readonly kernel: string;
  readonly initramfs: string;
}

interface Boot {
  readonly index: number;
  readonly accelerator: Accelerator;
  readonly patience: number;
}

/** Opening /dev/kvm says little: there are hosts where a machine then hangs. One that boots is asked for. */
async function findAccelerator(machine: Machine): Promise<Accelerator> {
  if (!existsSync('/dev/kvm')) return 'tcg';
  try {
    await end(await boot(machine, { index: 0, accelerator: 'kvm', patience: kvmPatienceMs }));
    return 'kvm';
  } catch (error) {
    if (isWarrenError(error, 'timedOut') || isWarrenError(error, 'unavailable')) return 'tcg';
    throw error;
  }
}

async function boot({ task, kernel, initramfs }: Machine, options: Boot): Promise<ChildProcess> {
  const { index, accelerator: chosen, patience } = options;
  makeMemberCgroup({ ...task, variant: 'default' }, index);
  const words = [
    ...[program, '-nodefaults', '-no-user-config', '-no-reboot', '-display', 'none'],
    ...(task.variant === 'equal'
      ? ['-M', 'microvm,isa-serial=on,pit=on,pic=on,rtc=on', '-m', `${smallestMebibytes}`]
      : ['-M', 'pc', '-m', '128']),
    ...(chosen === 'kvm' ? ['-accel', 'kvm', '-cpu', 'host'] : ['-accel', 'tcg', '-cpu', 'max']),
    ...['-kernel', kernel, '-initrd', initramfs, '-append', kernelLine(chosen)],
    ...['-serial', 'stdio'],
  ];
  const inside = { cgroup: memberCgroup(task, index), pid: 0 };
  using either = new LinkedAbort(task.signal, AbortSignal.timeout(patience));
  return await startTalking(insideWords(inside, words), {
    name: program,
    ready: firstWords,
    signal: either.signal,
  });
}

function kernelLine(chosen: Accelerator): string {
  // Calibrating the counter against an emulated timer sometimes never ends: it is the host's.
  const khz = /^bogomips\s*:\s*([\d.]+)/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1];
  const emulated = `tsc=reliable no_timer_check tsc_early_khz=${Math.round(Number(khz ?? 0) * 500)}`;
  return [
    'console=ttyS0 quiet panic=-1 mitigations=off',
    chosen === 'tcg' ? emulated : '',
    'rdinit=/bin/tty -- watch',
  ].join(' ');
}

/** @throws WarrenError unavailable */
function findKernel(): string {
  const named = process.env[kernelVariable];
  if (named !== undefined) {
    if (existsSync(named)) return named;
    throw unavailable(`${kernelVariable} names ${named}, which does not exist`);
  }
  const installed = existsSync('/boot') ? readdirSync('/boot') : [];
  const [newest] = installed
    .filter((name) => name.startsWith('vmlinuz-'))
    .sort((a, b) => b.localeCompare(a, 'en', { numeric: true }));
  if (newest !== undefined) return join('/boot', newest);
  throw unavailable(
    `there is no kernel in /boot (Debian: linux-image-cloud-amd64), and ${kernelVariable} names none`,
  );
}

function unavailable(reason: string): WarrenError {
  return new WarrenError(
    'unavailable',
    'PEER_UNAVAILABLE',
    `Cannot run virtual machines: ${reason}`,
  );
}
