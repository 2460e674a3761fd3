import type { EngineContext } from '../context.js';
import type { EngineInfo } from '../contract.js';
import { readStates } from '../state/read-states.js';
import { packageVersion } from '../../base/package.js';

/** What runs where, in numbers. */
export async function engineInfo(context: EngineContext): Promise<EngineInfo> {
  const { settings, facts } = context;
  const records = context.records.containers.list();
  const [states, images, keepers] = await Promise.all([
    readStates(context, records),
    context.images.list(),
    context.keepers.allRunning(),
  ]);
  const count = (...wanted: readonly string[]): number =>
    states.filter(({ status }) => wanted.includes(status)).length;
  const running = count('running', 'restarting');
  const paused = count('paused');
  return {
    version: packageVersion(),
    dataRoot: settings.dataRoot,
    runDir: settings.runDir,
    cgroupVersion: context.cgroups.version,
    cgroupParent: settings.cgroupParent,
    containers: {
      total: records.length,
      running,
      paused,
      stopped: records.length - running - paused,
    },
    images: images.length,
    kernel: facts.release,
    cpus: facts.cpus,
    memoryBytes: facts.memoryBytes,
    keepers: await Promise.all(
      keepers.map(async ({ instance, pid, version, control }) => {
        const { containers, fdUsed, fdLimit, rssBytes } = await control.status();
        return { instance, pid, version, containers, fdUsed, fdLimit, rssBytes };
      }),
    ),
    securityOptions: [
      ...(facts.seccompActions.length > 0 ? ['seccomp'] : []),
      ...(facts.userNamespaces ? ['userns'] : []),
      'cgroupns',
      ...facts.lsms.filter((name) => name !== 'capability'),
    ],
  };
}
