import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { cpus, loadavg, release, totalmem, uptime } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { ContainerSummary, EngineApi } from '../../../engine/contract.js';
import { fileError } from '../../config/given-file.js';
import { errorObject } from '../../report-error.js';
import { packageVersion } from '../../../base/package.js';

const logTailBytes = 256 * 1024;

/** What may be secret (environment, command, labels, paths of the host) stays out. */
function withoutSecrets({ record, state }: ContainerSummary): object {
  const { spec } = record;
  return {
    id: record.id,
    phase: record.phase,
    run: record.run,
    ids: record.ids,
    cgroupPath: record.cgroupPath,
    image: spec.image,
    resources: spec.resources,
    isolation: {
      network: spec.network,
      userns: spec.userns,
      pid: spec.pid,
      ipc: spec.ipc,
      privileged: spec.privileged,
    },
    mounts: spec.mounts.map(({ type, target }) => ({ type, target })),
    restart: spec.restart,
    lease: spec.lease,
    log: spec.log,
    state,
  };
}

/** A part of the report, or the error that it met: a broken engine is what a report is about. */
async function part(read: () => Promise<unknown>): Promise<unknown> {
  try {
    return await read();
  } catch (error) {
    return { error: errorObject(error) };
  }
}

/** The ends of the logs of keepers, by file name. */
function keeperLogs(runDir: string): Readonly<Record<string, string>> {
  if (!existsSync(runDir)) return {};
  const names = readdirSync(runDir).filter((name) => name.includes('.log'));
  return Object.fromEntries(
    names.map((name) => [name, readFileSync(join(runDir, name), 'utf8').slice(-logTailBytes)]),
  );
}

function machine(): object {
  return {
    warren: packageVersion(),
    node: process.version,
    kernel: release(),
    architecture: process.arch,
    cpus: cpus().length,
    memoryBytes: totalmem(),
    uptimeSeconds: Math.round(uptime()),
    load: loadavg(),
    cgroups: readFileSync('/proc/self/cgroup', 'utf8'),
    mounts: readFileSync('/proc/self/mountinfo', 'utf8'),
    limits: readFileSync('/proc/self/limits', 'utf8'),
  };
}

/** Writes a report as JSON, compressed when the name ends in `.gz`. Parts that cannot be read say why. */
export async function collectBundle(engine: EngineApi, path: string): Promise<void> {
  const report = {
    time: new Date().toISOString(),
    machine: machine(),
    info: await part(() => engine.system.info()),
    doctor: await part(() => engine.system.doctor()),
    leaks: await part(() => engine.system.leaks({ fix: false })),
    containers: await part(async () =>
      (await engine.containers.list({ all: true })).map(withoutSecrets),
    ),
    keeperLogs: await part(async () => keeperLogs((await engine.system.info()).runDir)),
  };
  const text = JSON.stringify(
    report,
    (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value),
    2,
  );
  try {
    await writeFile(path, path.endsWith('.gz') ? gzipSync(text) : text, { mode: 0o600 });
  } catch (error) {
    throw fileError('write', path, error);
  }
}
