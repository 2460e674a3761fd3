/** The library's public surface: named exports only, listed by tests/unit/index.test.ts. */
export { isWarrenError, WarrenError } from './base/errors.js';
export type { ErrorKind, WarrenErrorOptions } from './base/errors.js';
export { Engine } from './engine/engine.js';
export type * from './engine/contract.js';
export type {
  BindMount,
  ContainerConfig,
  ContainerSpec,
  HealthCheck,
  Lease,
  LogConfig,
  Mount,
  NamespaceMode,
  NetworkMode,
  Propagation,
  RestartPolicy,
  RestartPolicyName,
  SecurityOptions,
  TmpfsMount,
  VolumeMount,
} from './model/container-config.js';
export type {
  ContainerRecord,
  ContainerState,
  ContainerStatus,
  ExitInfo,
  ExitReason,
  HealthStatus,
} from './model/container.js';
export type {
  ContainerEvent,
  EngineEvent,
  ImageEvent,
  NetworkEvent,
  OnProgress,
  ProgressEvent,
  VolumeEvent,
} from './model/events.js';
export type { ExecConfig, ExecResult, ProcessUsage, RunningProcess } from './model/exec.js';
export type { Image, ImageConfig } from './model/image.js';
export type {
  EgressPolicy,
  EgressRule,
  Endpoint,
  ExposedPort,
  Network,
  NetworkAttachment,
  NetworkConfig,
  NetworkDriver,
  NetworkRates,
  NetworkSettings,
  NetworkSubnet,
  PortMapping,
  PublishedPort,
} from './model/network/network.js';
export type {
  DeviceMapping,
  DeviceRate,
  DeviceRule,
  DeviceWeight,
  HugepageLimit,
  Resources,
  Ulimit,
} from './model/resources.js';
export type {
  CgroupStats,
  ContainerStats,
  LimitAccount,
  LinkStats,
  Pressure,
} from './model/stats.js';
export type { Volume } from './model/volume.js';
