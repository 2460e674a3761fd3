import type { LaunchInput } from './contract.js';
import { mountList } from './mount-list.js';
import { idMappings, namespaceList, namespaceModes, type NamespaceModes } from './namespaces.js';
import type { OciDevice, OciLinux, OciSeccomp, OciSpec } from './oci.js';
import { boundingSet, hostnameOf, processSpec } from './process-spec.js';
import { resourcesSpec } from './resources-spec.js';
import { defaultSeccomp } from './seccomp/default-profile.js';
import { parseSeccompProfile } from './seccomp/parse-profile.js';
import { maskedPaths, readonlyPaths } from './system-paths.js';
import { validateLaunch } from './validate-launch.js';
import { validateLockedMounts } from './validate-locked.js';

const none: readonly string[] = [];

/** Builds the OCI runtime spec of one launch. Throws `invalidArgument` for combinations that Warren refuses. */
export function runtimeSpec(input: LaunchInput): OciSpec {
  const { record } = input;
  const modes = namespaceModes(record);
  validateLaunch(record, modes);
  const spec: OciSpec = {
    ociVersion: '1.2.0',
    process: processSpec(input),
    root: {
      path: `${input.dataRoot}/containers/${record.id}/rootfs`,
      readonly: record.spec.readOnly,
    },
    hostname: hostnameOf(record),
    ...(record.spec.domainname === '' ? {} : { domainname: record.spec.domainname }),
    mounts: mountList(input, modes),
    linux: linuxSpec(input, modes),
    annotations: {
      'org.opencontainers.image.ref.name': record.spec.image,
      'io.warren.container.id': record.id,
      'io.warren.container.name': record.name,
    },
  };
  validateLockedMounts(spec, record.name);
  return spec;
}

function linuxSpec(input: LaunchInput, modes: NamespaceModes): OciLinux {
  const { record } = input;
  const { spec } = record;
  const mappings = idMappings(record);
  const seccomp = seccompOf(input);
  const open = spec.privileged || spec.security.systemPathsUnconfined;
  return {
    namespaces: namespaceList(modes),
    uidMappings: mappings,
    gidMappings: mappings,
    devices: devicesOf(input),
    cgroupsPath: `/${record.cgroupPath}`,
    resources: resourcesSpec(spec),
    ...(seccomp === undefined ? {} : { seccomp }),
    sysctl: sysctls(input, modes),
    maskedPaths: open ? none : maskedPaths,
    readonlyPaths: open ? none : readonlyPaths,
  };
}

function seccompOf(input: LaunchInput): OciSeccomp | undefined {
  const { spec } = input.record;
  const { facts } = input;
  if (spec.privileged || spec.security.seccomp === 'unconfined') return undefined;
  const capabilities = boundingSet(input);
  const architecture = facts.architecture;
  if (spec.security.seccomp === 'default') {
    return defaultSeccomp({ nested: spec.userns === 'private', capabilities, architecture });
  }
  return parseSeccompProfile(spec.security.seccomp.profile, {
    capabilities,
    architecture,
    kernelVersion: facts.version,
  });
}

function devicesOf({ devices }: LaunchInput): OciDevice[] {
  return devices.map((device) => ({
    path: device.path,
    type: device.kind,
    major: device.major,
    minor: device.minor,
    fileMode: device.mode,
    uid: 0,
    gid: 0,
  }));
}

const unprivilegedPorts = 'net.ipv4.ip_unprivileged_port_start';

/** In a network namespace of its own, low ports are nobody else's: every user may take them, as in Docker. */
function sysctls(
  { record: { spec } }: LaunchInput,
  modes: NamespaceModes,
): Readonly<Record<string, string>> {
  return modes.network === 'private' ? { [unprivilegedPorts]: '0', ...spec.sysctls } : spec.sysctls;
}
