import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { WarrenError } from '../../base/errors.js';
import type { Peer, PeerTask } from './peer.js';
import { Enclosure } from './tools/enclosure.js';
import { idBase, idCount } from './tools/id-range.js';
import { isUnified, makePeerCgroup, memberCgroup } from './tools/limited-cgroup.js';
import { programName, programsIn } from './tools/processes.js';
import { runProgram } from './tools/program.js';

const systemConfig = '/etc/lxc/default.conf';
const commonConfig = '/usr/share/lxc/config/common.conf';
const userConfig = '/usr/share/lxc/config/userns.conf';

/** What lxc-net makes, without DHCP: the program asks for no address. Ids that newuidmap lets root map. */
const script = `
ip link add lxcbr0 type bridge
ip address add 10.0.3.1/24 dev lxcbr0
ip link set lxcbr0 up
echo root:${idBase(0)}:4000000000 | tee /etc/subuid >/etc/subgid
`;

export const lxc: Peer = {
  name: 'lxc',
  title: 'LXC',
  variants: {
    default:
      "lxc-start --daemon with Debian's default.conf and common.conf: seccomp filter, device cgroup, veth on a bridge lxcbr0, no limits; shared writable root directory",
    equal:
      'the same with an own user namespace of 65,536 ids over an id-mapped root directory, an empty network namespace, memory, pids and CPU limits',
  },
  prepare: async (task) => {
    const { stdout } = await runProgram('lxc-start', ['--version']);
    makePeerCgroup(task);
    const enclosure = await Enclosure.open(task, { script });
    const common = ['--lxcpath', join(task.directory, 'lxc')];
    mkdirSync(join(task.directory, 'lxc'), { mode: 0o711 });
    const names: string[] = [];
    return {
      version: `LXC ${stdout.trim()}`,
      readiness: 'end of lxc-start, which waits until the container is RUNNING',
      launch: async (index) => {
        const name = `c${index}`;
        const file = join(task.directory, `${name}.conf`);
        const log = join(task.directory, `${name}.log`);
        writeFileSync(file, configOf(task, index));
        names.push(name);
        const words = ['lxc-start', ...common, '--name', name, '--rcfile', file, '--logfile', log];
        const { code } = await enclosure.run(words, { collect: false, accept: 'any' });
        if (code !== 0) throw failed(log);
      },
      count: () => programsIn(task.cgroup),
      stop: async () => {
        for (const name of names.splice(0)) {
          await enclosure.run(['lxc-stop', ...common, '--name', name, '--kill']);
        }
      },
      clean: async () => await enclosure.close(),
    };
  },
};

function configOf(task: PeerTask, index: number): string {
  const lines = [
    `lxc.include = ${commonConfig}`,
    ...(task.variant === 'equal' ? equalLines(task, index) : defaultLines()),
    `lxc.uts.name = c${index}`,
    `lxc.rootfs.path = dir:${task.rootfs}`,
    `lxc.init.cmd = /bin/${programName}`,
    `lxc.cgroup.dir = ${memberCgroup(task, index)}`,
  ];
  return `${lines.join('\n')}\n`;
}

function defaultLines(): readonly string[] {
  return existsSync(systemConfig) ? [`lxc.include = ${systemConfig}`] : [];
}

function equalLines(task: PeerTask, index: number): readonly string[] {
  const { memoryBytes, pidsLimit, cpus } = task;
  const quota = Math.round(cpus * 100_000);
  const range = `0 ${idBase(index)} ${idCount}`;
  const v1 = [
    `lxc.cgroup.memory.limit_in_bytes = ${memoryBytes}`,
    `lxc.cgroup.pids.max = ${pidsLimit}`,
    `lxc.cgroup.cpu.cfs_quota_us = ${quota}`,
  ];
  const v2 = [
    `lxc.cgroup2.memory.max = ${memoryBytes}`,
    `lxc.cgroup2.pids.max = ${pidsLimit}`,
    `lxc.cgroup2.cpu.max = ${quota} 100000`,
  ];
  return [
    `lxc.include = ${userConfig}`,
    ...[`lxc.idmap = u ${range}`, `lxc.idmap = g ${range}`, 'lxc.rootfs.options = idmap=container'],
    'lxc.net.0.type = empty',
    ...(isUnified() ? v2 : v1),
  ];
}

/** It said why in its log: its output would be the container's, too. */
function failed(log: string): WarrenError {
  const said = existsSync(log) ? readFileSync(log, 'utf8') : '';
  const first = said.split('\n').find((line) => line.includes(' ERROR '));
  const reason = first?.split(' - ').slice(1).join(' - ') ?? 'it gives no reason';
  return new WarrenError('unavailable', 'PROGRAM_FAILED', `Cannot run lxc-start: ${reason}`);
}
