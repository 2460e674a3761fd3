/** Limits for external readers of config.json; what is written to the kernel is the cgroup driver's. */
import type { Resources } from '../model/resources.js';
import type { ContainerSpec } from '../model/container-config.js';
import type { OciResources } from './oci.js';

/** Drops undefined values, which exact optional types do not allow. */
function present<T extends object>(values: { readonly [K in keyof T]: T[K] | undefined }):
  T | undefined {
  const entries = Object.entries(values).filter(([, value]) => value !== undefined);
  return entries.length === 0 ? undefined : (Object.fromEntries(entries) as T);
}

export function resourcesSpec(spec: ContainerSpec): OciResources {
  const { resources } = spec;
  const parts = {
    memory: memoryOf(resources),
    cpu: cpuOf(resources),
    pids: resources.pidsLimit === undefined ? undefined : { limit: resources.pidsLimit },
    blockIO: resources.blkioWeight === undefined ? undefined : { weight: resources.blkioWeight },
    hugepageLimits: resources.hugepages?.map(({ pageSize, limitBytes }) => ({
      pageSize,
      limit: limitBytes,
    })),
    devices: spec.deviceRules.length === 0 ? undefined : spec.deviceRules.map(deviceOf),
  };
  return present<OciResources>(parts) ?? {};
}

function memoryOf(resources: Resources): OciResources['memory'] {
  return present<NonNullable<OciResources['memory']>>({
    limit: resources.memoryBytes,
    reservation: resources.memoryReservationBytes,
    swap: resources.memorySwapBytes,
    swappiness: resources.memorySwappiness,
    disableOOMKiller: resources.oomKillDisable,
  });
}

const defaultPeriodUs = 100_000;

function cpuOf(resources: Resources): OciResources['cpu'] {
  const period =
    resources.cpuPeriodUs ?? (resources.cpus === undefined ? undefined : defaultPeriodUs);
  const quota =
    resources.cpuQuotaUs ??
    (resources.cpus === undefined
      ? undefined
      : Math.round(resources.cpus * (period ?? defaultPeriodUs)));
  return present<NonNullable<OciResources['cpu']>>({
    shares: resources.cpuShares,
    quota,
    period,
    burst: resources.cpuBurstUs,
    realtimeRuntime: resources.cpuRealtimeRuntimeUs,
    realtimePeriod: resources.cpuRealtimePeriodUs,
    cpus: resources.cpusetCpus,
    mems: resources.cpusetMems,
  });
}

type DeviceRuleSpec = NonNullable<OciResources['devices']>[number];

function deviceOf(rule: ContainerSpec['deviceRules'][number]): DeviceRuleSpec {
  return {
    allow: rule.allow,
    type: rule.type,
    ...(rule.major < 0 ? {} : { major: rule.major }),
    ...(rule.minor < 0 ? {} : { minor: rule.minor }),
    access: rule.permissions,
  };
}
