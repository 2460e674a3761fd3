import { WarrenError } from '../../base/errors.js';
import type { DeviceRate, Resources } from '../../model/resources.js';
import type { LimitController } from '../controllers.js';

/** One value of one interface file that expresses a limit. */
export interface Setting {
  readonly controller: LimitController;
  readonly file: string;
  /** Tells apart the values of a file that holds one for each device; '' otherwise. */
  readonly key: string;
  readonly value: string;
  /** What stands for "no limit"; null: the parent group's value. */
  readonly reset: string | null;
  /** Where the parent's value is. @default `file` */
  readonly parentFile?: string;
  /** The file whose value this one may never exceed, not even between two writes. */
  readonly within?: string;
  /** The limit as the user knows it, for errors. */
  readonly limit: string;
}

/** What the translation of resources into settings may ask. */
export interface SettingContext {
  /** Canonical (see canonical.ts). */
  readonly resources: Resources;
  /** Whether groups have this file: kernels leave out what they were not built with. */
  readonly has: (file: string) => boolean;
  /** `major:minor` of a block device given by path or number. */
  readonly deviceNumber: (device: string) => string;
}

export type SettingsOf = (context: SettingContext) => Setting[];

/** A setting of the usual kind: one value in its own file. */
export function plainSetting(
  controller: LimitController,
  limit: string,
  entry: Pick<Setting, 'file' | 'reset' | 'parentFile' | 'within'> & { value: string | number },
): Setting {
  return { ...entry, controller, limit, key: '', value: String(entry.value) };
}

export function unsupportedLimit(
  limit: string,
  why: string,
  hint = 'warren doctor shows which limits this kernel has',
): WarrenError {
  return new WarrenError('unsupported', 'LIMIT_UNSUPPORTED', `Cannot set ${limit}: ${why}`, {
    hint,
    details: { limit },
  });
}

/**
 * Memory plus swap in bytes; undefined: no limit. Docker's rule: who limits memory only gets as much swap again, where the kernel
 * counts swap (`file`).
 */
export function swapLimit({ resources, has }: SettingContext, file: string): number | undefined {
  const { memoryBytes, memorySwapBytes } = resources;
  if (memorySwapBytes !== undefined) return memorySwapBytes === -1 ? undefined : memorySwapBytes;
  return memoryBytes === undefined || !has(file) ? undefined : 2 * memoryBytes;
}

/** Fields of resources that one of the two versions of cgroups cannot express. */
export function refuse(
  resources: Resources,
  fields: Partial<Record<keyof Resources, string>>,
  why: string,
): void {
  for (const [field, limit] of Object.entries(fields)) {
    if (resources[field as keyof Resources] !== undefined) throw unsupportedLimit(limit, why);
  }
}

export interface DeviceRateKind {
  readonly rates: readonly DeviceRate[] | undefined;
  /** Key of v2's `io.max`. */
  readonly key: 'rbps' | 'wbps' | 'riops' | 'wiops';
  /** File of v1. */
  readonly file: string;
  readonly limit: string;
}

/** The four throttles of block devices, with their names in both versions. */
export function deviceRates(resources: Resources): DeviceRateKind[] {
  return [
    {
      rates: resources.blkioReadBps,
      key: 'rbps',
      file: 'blkio.throttle.read_bps_device',
      limit: 'the read rate of a device',
    },
    {
      rates: resources.blkioWriteBps,
      key: 'wbps',
      file: 'blkio.throttle.write_bps_device',
      limit: 'the write rate of a device',
    },
    {
      rates: resources.blkioReadIops,
      key: 'riops',
      file: 'blkio.throttle.read_iops_device',
      limit: 'the read operations of a device',
    },
    {
      rates: resources.blkioWriteIops,
      key: 'wiops',
      file: 'blkio.throttle.write_iops_device',
      limit: 'the write operations of a device',
    },
  ];
}

/** A limit for each size of huge page; `suffix` ends the file's name, `none` lifts the limit. */
export function hugepages({ resources }: SettingContext, suffix: string, none: string): Setting[] {
  return (resources.hugepages ?? []).map(({ pageSize, limitBytes }) =>
    plainSetting('hugetlb', `a limit of ${pageSize} pages`, {
      file: `hugetlb.${pageSize}.${suffix}`,
      value: limitBytes,
      reset: none,
    }),
  );
}
