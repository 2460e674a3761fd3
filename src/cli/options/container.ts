import type { OptionTable, TableFor } from '../program/option.js';
import { filesOptions, type FilesFlags } from './files.js';
import { healthOptions, type HealthFlags } from './health.js';
import { identityOptions, type IdentityFlags } from './identity.js';
import { isolationOptions, type IsolationFlags } from './isolation.js';
import { lifeOptions, type LifeFlags } from './life.js';
import { networkOptions, type NetworkFlags } from './network.js';
import { processOptions, type ProcessFlags } from './process.js';
import { resourceOptions, type ResourceFlags } from './resources.js';

/** What `run` and `create` take to describe a container. */
export type ContainerFlags = ProcessFlags &
  IdentityFlags &
  FilesFlags &
  IsolationFlags &
  NetworkFlags &
  LifeFlags &
  HealthFlags &
  ResourceFlags;

export const containerOptions: TableFor<ContainerFlags> & OptionTable = {
  ...processOptions,
  ...identityOptions,
  ...filesOptions,
  ...resourceOptions,
  ...networkOptions,
  ...isolationOptions,
  ...lifeOptions,
  ...healthOptions,
};
