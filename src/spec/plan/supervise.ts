/** The supervise section: what the keeper needs for as long as a container lives (docs/keeper-protocol.md). */
import { BinaryReader, BinaryWriter } from '../../base/binary.js';
import type { ContainerSpec, LogConfig, RestartPolicyName } from '../../model/container-config.js';
import type { LaunchInput } from '../contract.js';

const logModes: Readonly<Record<LogConfig['driver'], number>> = { none: 0, file: 1, raw: 2 };
const logModeNames = ['none', 'file', 'raw'] as const;
const restartPolicies: readonly RestartPolicyName[] = [
  'no',
  'on-failure',
  'always',
  'unless-stopped',
];

/** A stop without a time limit: ten years, which no clock of the keeper overflows on. */
const never = 315_360_000_000;

const writer = new BinaryWriter();

/** What the section needs of a launch's input; also for a live change of policy, lease or rotation. */
export type SuperviseInput = Pick<
  LaunchInput,
  'record' | 'generation' | 'user' | 'cgroups' | 'logPath' | 'healthPlan' | 'engineOnExit'
>;

export function compileSupervise(input: SuperviseInput): Buffer {
  const { record } = input;
  const { spec } = record;
  const base = record.ids?.base ?? 0;
  writer.reset();
  writer.str(record.id).u64(input.generation);
  writeGroups(input);
  writer.bool(spec.tty).bool(spec.stdinOpen).bool(spec.stdinOnce);
  writer.u32(base + input.user.uid).u32(base + input.user.gid);
  writer
    .u8(logModes[spec.log.driver])
    .str(input.logPath)
    .u64(spec.log.maxBytes)
    .u32(spec.log.maxFiles);
  writer.i32(spec.stopSignal).u64(spec.stopTimeoutMs < 0 ? never : spec.stopTimeoutMs);
  writer.u64(spec.lease.ttlMs ?? 0).u64(spec.lease.idleTimeoutMs ?? 0);
  writer.u8(restartPolicies.indexOf(spec.restart.name));
  writer.u32(spec.restart.maximumRetryCount).u32(record.restartCount);
  writeHealth(spec, input.healthPlan);
  writer.bool(input.engineOnExit ?? spec.autoRemove);
  return writer.toBytes();
}

/** Own groups only: the keeper kills and reads what is in them. */
function writeGroups({ cgroups }: SuperviseInput): void {
  const own = cgroups.make.filter((group) => group.own).sort((a, b) => a.hierarchy - b.hierarchy);
  writer.u32(own.length);
  for (const group of own) writer.u8(group.hierarchy).str(group.path);
}

function writeHealth({ health }: ContainerSpec, plan: Uint8Array | null): void {
  if (health === null || plan === null) {
    writer.u64(0).u64(0).u32(0).u64(0).u64(0).u32(0);
    return;
  }
  writer.u64(health.intervalMs).u64(health.timeoutMs).u32(health.retries);
  writer.u64(health.startPeriodMs).u64(health.startIntervalMs).bytes(plan);
}

/** A supervise section, readable. Throws `corrupt` when it is damaged. */
export function describeSupervise(section: Uint8Array): Readonly<Record<string, unknown>> {
  const reader = new BinaryReader(section);
  const described = {
    container: reader.str(),
    generation: reader.u64Number(),
    cgroups: reader.list((item) => ({ hierarchy: item.u8(), path: item.str() })),
    tty: reader.bool(),
    stdinOpen: reader.bool(),
    stdinOnce: reader.bool(),
    stdio: { uid: reader.u32(), gid: reader.u32() },
    log: {
      driver: logModeNames[reader.u8()] ?? 'unknown',
      path: reader.str(),
      maxBytes: reader.u64Number(),
      maxFiles: reader.u32(),
    },
    stop: { signal: reader.i32(), timeoutMs: reader.u64Number() },
    lease: { ttlMs: reader.u64Number(), idleMs: reader.u64Number() },
    restart: {
      policy: restartPolicies[reader.u8()] ?? 'unknown',
      maximumRetries: reader.u32(),
      count: reader.u32(),
    },
    health: describeHealth(reader),
    engineOnExit: reader.bool(),
  };
  reader.end();
  return described;
}

function describeHealth(reader: BinaryReader): Readonly<Record<string, number>> {
  return {
    intervalMs: reader.u64Number(),
    timeoutMs: reader.u64Number(),
    retries: reader.u32(),
    startPeriodMs: reader.u64Number(),
    startIntervalMs: reader.u64Number(),
    planBytes: reader.bytes().length,
  };
}
