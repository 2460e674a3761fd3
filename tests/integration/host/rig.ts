import { chmodSync, copyFileSync, mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { createLinuxHost } from '../../../src/host/linux/linux-host.js';
import { nativeProgramPath } from '../../../src/host/native-path.js';
import type {
  ExecRequest,
  Host,
  Keeper,
  KeeperExit,
  Launched,
  LaunchRequest,
} from '../../../src/host/port.js';
import type { ContainerConfig } from '../../../src/model/container-config.js';
import type { ContainerId } from '../../../src/model/container.js';
import type { ExecSpec, LaunchInput } from '../../../src/spec/contract.js';
import { compileExec } from '../../../src/spec/plan/compile-exec.js';
import { compileLaunch } from '../../../src/spec/plan/compile-launch.js';
import { runtimeSpec } from '../../../src/spec/runtime-spec.js';
import { newScope, requireNoSanitizerReports, type TestScope } from '../../scope.js';
import { launchInput, record } from '../../unit/spec/fixture.js';

export interface Output {
  readonly exit: KeeperExit;
  readonly stdout: string;
  readonly stderr: string;
}

/** A host with a keeper of its own and a data root with one layer: busybox and warren-init. */
export class Rig {
  readonly scope: TestScope = newScope();
  readonly host: Host;
  #next = 1;

  constructor() {
    const { dataRoot, runDir, cgroupParent } = this.scope;
    mkdirSync(dataRoot, { mode: 0o700 });
    makeLayer(join(dataRoot, 'layers', 'base', 'fs'));
    this.host = createLinuxHost({ runDir, dataRoot, cgroupParent, workers: 2 });
  }

  async keeper(): Promise<Keeper> {
    return await this.host.keeper(0);
  }

  newId(): ContainerId {
    return `c${(this.#next++).toString(16).padStart(63, '0')}` as ContainerId;
  }

  /** The input of a container's launch; its directories exist. */
  input(config: Partial<ContainerConfig>, changes: Partial<LaunchInput> = {}): LaunchInput {
    const id = this.newId();
    const { dataRoot, cgroupParent } = this.scope;
    const directory = `containers/${id}`;
    for (const name of ['upper', 'work', 'log'])
      mkdirSync(join(dataRoot, directory, name), { recursive: true });
    const parent = cgroupParent.slice(1);
    const own = { hierarchy: 0, path: `${parent}/${id}` };
    return launchInput(
      {},
      {
        record: record(config, { id, layers: ['layers/base/fs'], cgroupPath: own.path }),
        cgroups: {
          make: [
            { hierarchy: 0, path: parent, own: false },
            { ...own, own: true },
          ],
          remove: [own],
          writes: [],
          join: [own],
          owner: null,
          deviceProgram: null,
        },
        dataRoot,
        writableLayer: { upper: `${directory}/upper`, work: `${directory}/work` },
        etcFiles: [],
        logPath: join(dataRoot, directory, 'log', 'output.log'),
        facts: {
          version: 618,
          lastCapability: 40,
          architecture: process.arch === 'arm64' ? 'arm64' : 'x64',
          cgroupVersion: 'hybrid',
        },
        ...changes,
      },
    );
  }

  async launch(input: LaunchInput, request: Partial<LaunchRequest> = {}): Promise<Launched> {
    const { plan, supervise } = compileLaunch(runtimeSpec(input), input);
    return await (await this.keeper()).launch({ plan, supervise, fence: 0n, ...request });
  }

  /** Runs a container to its end. */
  async run(config: Partial<ContainerConfig>, changes: Partial<LaunchInput> = {}): Promise<Output> {
    const launched = await this.launch(this.input(config, changes), {
      streams: { stdout: true, stderr: true },
    });
    return await output(launched);
  }

  async startExec(
    input: LaunchInput,
    exec: Partial<ExecSpec> & Pick<ExecSpec, 'argv'>,
    request: Partial<ExecRequest> = {},
  ): Promise<Launched> {
    const spec: ExecSpec = {
      env: [],
      workingDir: '',
      user: input.user,
      tty: false,
      privileged: false,
      ...exec,
    };
    const plan = compileExec(runtimeSpec(input), input, spec);
    const streams = { stdout: true, stderr: true };
    return await (
      await this.keeper()
    ).exec({ container: input.record.id, plan, streams, ...request });
  }

  async exec(
    input: LaunchInput,
    argv: readonly string[],
    exec: Partial<ExecSpec> = {},
  ): Promise<Output> {
    return await output(await this.startExec(input, { argv, ...exec }));
  }

  async close(): Promise<void> {
    const keeper = await this.host.runningKeeper(0);
    await keeper?.control.shutdown(true);
    await this.host.close();
    const parent = this.scope.cgroupParent.slice(1);
    for (const { index, mountPoint } of this.host.cgroups.hierarchies) {
      if (mountPoint === '') continue;
      for (const path of [parent, dirname(parent)])
        removeGroup(this.host, { hierarchy: index, path });
    }
    requireNoSanitizerReports(this.scope);
    rmSync(this.scope.directory, { recursive: true, force: true });
  }
}

/** The run's own parent may be another test's too. */
function removeGroup(host: Host, group: { hierarchy: number; path: string }): void {
  try {
    host.cgroups.remove(group);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EBUSY') throw error;
  }
}

export async function output(launched: Launched): Promise<Output> {
  const [stdout, stderr, exit] = await Promise.all([
    launched.stdout === null ? Buffer.alloc(0) : buffer(launched.stdout),
    launched.stderr === null ? Buffer.alloc(0) : buffer(launched.stderr),
    launched.exit,
  ]);
  return { exit, stdout: stdout.toString(), stderr: stderr.toString() };
}

function makeLayer(root: string): void {
  for (const directory of ['bin', 'etc', 'proc', 'sys', 'dev', 'tmp', 'root', 'usr'])
    mkdirSync(join(root, directory), { recursive: true });
  chmodSync(join(root, 'tmp'), 0o1777);
  for (const directory of [root, dirname(root), dirname(dirname(root))])
    chmodSync(directory, 0o755);
  copyFileSync(
    execFileSync('which', ['busybox'], { encoding: 'utf8' }).trim(),
    join(root, 'bin', 'busybox'),
  );
  copyFileSync(nativeProgramPath('warren-init'), join(root, 'bin', 'warren-init'));
  for (const name of ['busybox', 'warren-init']) chmodSync(join(root, 'bin', name), 0o755);
  for (const applet of [
    'sh',
    'cat',
    'echo',
    'sleep',
    'id',
    'true',
    'mount',
    'umount',
    'grep',
    'stat',
    'ls',
    'unshare',
    'hostname',
    'head',
    'yes',
    'wc',
    'touch',
    'dd',
    'stty',
    'ps',
  ]) {
    symlinkSync('busybox', join(root, 'bin', applet));
  }
}
