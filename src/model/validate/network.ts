import { parseNetwork } from '../../base/ip.js';
import type { ContainerSpec } from '../container-config.js';
import { type Check, refuse, requireInteger } from './check.js';

const rateFields = ['inBytesPerSecond', 'outBytesPerSecond'] as const;
const burstFields = ['inBurstBytes', 'outBurstBytes'] as const;
const minimumRate = 1024;
const maximumRate = 2 ** 40;
const maximumBurst = 2 ** 32 - 1;
/** Each is an element of the firewall, and in the container's plan. */
const mostRules = 256;

const ratesArePossible: Check = ({ networking }) => {
  const { rates } = networking;
  for (const field of rateFields) {
    const range = { minimum: minimumRate, maximum: maximumRate, or: 0 };
    requireInteger(`netRates.${field}`, rates[field], range);
  }
  for (const field of burstFields)
    requireInteger(`netRates.${field}`, rates[field], { minimum: 0, maximum: maximumBurst });
  if (rates.inBurstBytes > 0 && rates.inBytesPerSecond === 0)
    refuse('netRates.inBurstBytes', 'needs a rate', 'Set inBytesPerSecond (--net-rate-in) too');
  if (rates.outBurstBytes > 0 && rates.outBytesPerSecond === 0)
    refuse('netRates.outBurstBytes', 'needs a rate', 'Set outBytesPerSecond (--net-rate-out) too');
};

const ratesHaveALink: Check = (spec) => {
  if (!rateFields.some((field) => spec.networking.rates[field] > 0)) return;
  requireOwnNetwork(spec, 'netRates');
};

function requireOwnNetwork({ network, networking }: ContainerSpec, field: string): void {
  if (networking.attachments.length > 0) return;
  refuse(field, `has no effect with network ${network}`, 'Name a network: --network default');
}

const hostPattern =
  /^(\*\.)?([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/i;

const egressIsWellFormed: Check = (spec) => {
  const { policy, allow } = spec.networking.egress;
  if (policy !== 'allow' && policy !== 'deny')
    refuse('egress.policy', `"${String(policy)}" is not one of allow, deny`);
  if (policy === 'allow') {
    if (allow.length > 0) refuse('egress.allow', 'needs the policy deny');
    return;
  }
  requireOwnNetwork(spec, 'egress');
  if (allow.length > mostRules) refuse('egress.allow', `has more than ${mostRules} destinations`);
  for (const { kind, value, port } of allow) {
    const isKnown = kind === 'host' ? isHostName(value) : parseNetwork(value) !== undefined;
    if (!isKnown)
      refuse('egress.allow', `"${value}" is no ${kind === 'host' ? 'name' : 'network'}`);
    requireInteger('egress.allow', port, { minimum: 0, maximum: 65_535 });
  }
};

/** What looks like an address is none: it would never be asked for. */
function isHostName(value: string): boolean {
  return value.length <= 253 && hostPattern.test(value) && !/(^|\.)\d+$/.test(value);
}

export const networkChecks: readonly Check[] = [
  ratesArePossible,
  ratesHaveALink,
  egressIsWellFormed,
];
