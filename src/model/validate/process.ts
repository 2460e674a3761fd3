import { isAbsolute } from 'node:path';
import { capabilities } from '../capabilities.js';
import { type Check, refuse, requireInteger, requireText } from './check.js';

const hasCommand: Check = ({ entrypoint, command, image }) => {
  if (entrypoint.length + command.length > 0) return;
  refuse('command', `none is given and image ${image} has none`, 'Name a program after the image');
};

const argumentsAreText: Check = ({ entrypoint, command }) => {
  for (const part of entrypoint) requireText('entrypoint', part);
  for (const part of command) requireText('command', part);
};

const environmentHasNames: Check = ({ env }) => {
  for (const line of env) {
    requireText('env', line);
    if (line.startsWith('=')) refuse('env', `"${line}" has no name`);
  }
};

const workingDirIsAbsolute: Check = ({ workingDir }) => {
  requireText('workingDir', workingDir);
  if (!isAbsolute(workingDir)) refuse('workingDir', `"${workingDir}" is not an absolute path`);
};

const userIsWellFormed: Check = ({ user, groupAdd }) => {
  if (!/^[^:\0\n]*(:[^:\0\n]+)?$/.test(user)) refuse('user', `"${user}" is not user[:group]`);
  for (const group of groupAdd) {
    if (!/^[^:\0\n]+$/.test(group)) refuse('groupAdd', `"${group}" is no group`);
  }
};

const hostnameIsWellFormed: Check = ({ hostname, domainname, uts }) => {
  if (hostname !== '' && !/^[a-zA-Z0-9]([a-zA-Z0-9.-]{0,61}[a-zA-Z0-9])?$/.test(hostname)) {
    refuse('hostname', `"${hostname}" is not a hostname of at most 63 letters, digits and hyphens`);
  }
  if (domainname.length > 64 || !/^[a-zA-Z0-9.-]*$/.test(domainname)) {
    refuse('domainname', `"${domainname}" is not a domain name of at most 64 characters`);
  }
  if (uts === 'host' && hostname !== '')
    refuse('hostname', 'conflicts with the host’s UTS namespace');
};

const extraHostsHaveAddresses: Check = ({ extraHosts }) => {
  for (const line of extraHosts) {
    if (!/^[^\s:=]+[:=][0-9a-fA-F.:[\]]+$/.test(line)) {
      refuse('extraHosts', `"${line}" is not host:address`);
    }
  }
};

const capabilitiesAreKnown: Check = ({ capAdd, capDrop }) => {
  for (const name of [...capAdd, ...capDrop]) {
    if (name !== 'ALL' && !capabilities.includes(name)) {
      refuse(
        'capAdd, capDrop',
        `unknown capability "${name}"`,
        'See capabilities(7) for the names',
      );
    }
  }
};

const labelsAreText: Check = ({ labels }) => {
  for (const [name, value] of Object.entries(labels)) {
    if (name === '') refuse('labels', 'a label needs a name');
    requireText(`label ${name}`, value);
  }
};

const seccompProfileIsJson: Check = ({ security }) => {
  if (typeof security.seccomp === 'string') return;
  try {
    JSON.parse(security.seccomp.profile);
  } catch {
    refuse('security.seccomp', 'the profile is not JSON');
  }
};

const oomScoreIsInRange: Check = ({ oomScoreAdj }) => {
  requireInteger('oomScoreAdj', oomScoreAdj, { minimum: -1000, maximum: 1000 });
};

export const processChecks: readonly Check[] = [
  hasCommand,
  argumentsAreText,
  environmentHasNames,
  workingDirIsAbsolute,
  userIsWellFormed,
  hostnameIsWellFormed,
  extraHostsHaveAddresses,
  capabilitiesAreKnown,
  labelsAreText,
  seccompProfileIsJson,
  oomScoreIsInRange,
];
