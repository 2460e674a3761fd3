import type { HealthCheck } from '../model/container-config.js';
import type { ImageConfig } from '../model/image.js';
import type { OciExecutionConfig, OciHealthcheck } from './oci.js';

const nanosecondsPerMs = 1_000_000;

/** What `run` needs of an image's config, with every default in place. */
export function toImageConfig(config: OciExecutionConfig = {}): ImageConfig {
  return {
    entrypoint: config.Entrypoint ?? [],
    command: config.Cmd ?? [],
    env: config.Env ?? [],
    workingDir: config.WorkingDir ?? '',
    user: config.User ?? '',
    volumes: Object.keys(config.Volumes ?? {}).sort(),
    exposedPorts: Object.keys(config.ExposedPorts ?? {}).sort(),
    labels: config.Labels ?? {},
    stopSignal: config.StopSignal ?? '',
    health: toHealthCheck(config.Healthcheck),
  };
}

function toHealthCheck(check: OciHealthcheck | undefined): HealthCheck | null {
  const [kind, ...rest] = check?.Test ?? [];
  if (check === undefined || (kind !== 'CMD' && kind !== 'CMD-SHELL') || rest.length === 0) {
    return null;
  }
  return {
    test: rest,
    shell: kind === 'CMD-SHELL',
    intervalMs: milliseconds(check.Interval, 30_000),
    timeoutMs: milliseconds(check.Timeout, 30_000),
    retries: check.Retries === undefined || check.Retries === 0 ? 3 : check.Retries,
    startPeriodMs: milliseconds(check.StartPeriod, 0),
    startIntervalMs: milliseconds(check.StartInterval, 5_000),
  };
}

/** Docker takes 0 for "the default". */
function milliseconds(nanoseconds: number | undefined, otherwise: number): number {
  return nanoseconds === undefined || nanoseconds === 0
    ? otherwise
    : nanoseconds / nanosecondsPerMs;
}
