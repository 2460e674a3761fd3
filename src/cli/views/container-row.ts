import { formatAge, formatSize } from '../../base/units.js';
import type { ContainerSummary } from '../../engine/contract.js';
import { calendarTime } from '../render/duration.js';
import type { ListView } from '../render/format.js';
import { portsText } from './port-text.js';
import { statusText } from '../render/status.js';

const shortLength = 12;
const commandLength = 20;
const ellipsis = '…';

/** Sizes of a container's files (`ps --size`). */
export interface ContainerSize {
  readonly writableBytes: number;
  readonly imageBytes: number;
}

export interface ContainerViewOptions {
  readonly nowMs: number;
  readonly truncate: boolean;
  /** By id; without it the column is left out. */
  readonly sizes?: ReadonlyMap<string, ContainerSize>;
  /** Names of networks by id. */
  readonly networks?: ReadonlyMap<string, string>;
}

function truncated(text: string, length: number): string {
  return text.length > length ? `${text.slice(0, length - 1)}${ellipsis}` : text;
}

function commandText({ record }: ContainerSummary, truncate: boolean): string {
  const words = [...record.spec.entrypoint, ...record.spec.command].join(' ');
  return JSON.stringify(truncate ? truncated(words, commandLength) : words);
}

function sizeText(size: ContainerSize | undefined): string {
  if (size === undefined) return '';
  const { writableBytes, imageBytes } = size;
  return `${formatSize(writableBytes)} (virtual ${formatSize(writableBytes + imageBytes)})`;
}

function mountText({ record }: ContainerSummary, truncate: boolean): string {
  const names = record.spec.mounts
    .filter((mount) => mount.type !== 'tmpfs')
    .map(({ source, target }) =>
      source === ''
        ? (record.volumes.find((volume) => volume.target === target)?.name ?? '')
        : source,
    );
  return names.map((name) => (truncate ? truncated(name, 15) : name)).join(',');
}

/** All that it is on now; what is no network (`none`, `host`) by its own name. */
function networksText(
  { record }: ContainerSummary,
  names: ReadonlyMap<string, string> | undefined,
): string {
  if (record.endpoints.length === 0) return record.spec.network;
  return record.endpoints.map(({ network }) => names?.get(network) ?? network).join(',');
}

type Field = (item: ContainerSummary, options: ContainerViewOptions) => unknown;

/** Docker's fields of `ps --format`. */
const fields: Record<string, Field> = {
  ID: ({ record }, { truncate }) => (truncate ? record.id.slice(0, shortLength) : record.id),
  Names: ({ record }) => record.name,
  Image: ({ record }) => record.spec.image,
  Command: (item, { truncate }) => commandText(item, truncate),
  CreatedAt: ({ record }) => calendarTime(record.createdAtMs),
  RunningFor: ({ record }, { nowMs }) => `${formatAge(nowMs - record.createdAtMs)} ago`,
  Status: ({ state }, { nowMs }) => statusText(state, nowMs),
  State: ({ state }) => state.status,
  Ports: portsText,
  Size: ({ record }, { sizes }) => sizeText(sizes?.get(record.id)),
  Labels: ({ record }) =>
    Object.entries(record.spec.labels)
      .map((pair) => pair.join('='))
      .join(','),
  Mounts: (item, { truncate }) => mountText(item, truncate),
  LocalVolumes: ({ record }) => String(record.volumes.length),
  Networks: (item, { networks }) => networksText(item, networks),
  Health: ({ state }) => state.health,
  Pid: ({ state }) => state.pid,
  Label:
    ({ record }) =>
    (key: unknown) =>
      typeof key === 'string' ? (record.spec.labels[key] ?? '') : '',
};

/** Lists may be long: a field is worked out when it is read. */
function containerRow(
  item: ContainerSummary,
  options: ContainerViewOptions,
): Readonly<Record<string, unknown>> {
  return new Proxy<Record<string, unknown>>(fields, {
    get: (_, name) =>
      typeof name === 'string' && Object.hasOwn(fields, name)
        ? fields[name]?.(item, options)
        : undefined,
  });
}

/** How `ps` shows containers. */
export function containerView(options: ContainerViewOptions): ListView<ContainerSummary> {
  return {
    headings: {
      ID: 'CONTAINER ID',
      Names: 'NAMES',
      Image: 'IMAGE',
      Command: 'COMMAND',
      CreatedAt: 'CREATED AT',
      RunningFor: 'CREATED',
      Status: 'STATUS',
      State: 'STATE',
      Ports: 'PORTS',
      Size: 'SIZE',
      Labels: 'LABELS',
      Mounts: 'MOUNTS',
      LocalVolumes: 'LOCAL VOLUMES',
      Networks: 'NETWORKS',
      Health: 'HEALTH',
      Pid: 'PID',
    },
    columns: [
      'ID',
      'Image',
      'Command',
      'RunningFor',
      'Status',
      'Ports',
      'Names',
      ...(options.sizes === undefined ? [] : ['Size']),
    ],
    row: (item) => containerRow(item, options),
  };
}
