import type { ContainerSpec } from '../container-config.js';
import { type Check, refuse, requireInteger } from './check.js';

const rateFields = ['inBytesPerSecond', 'outBytesPerSecond'] as const;
const burstFields = ['inBurstBytes', 'outBurstBytes'] as const;
const minimumRate = 1024;
const maximumRate = 2 ** 40;
const maximumBurst = 2 ** 32 - 1;

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

export const networkChecks: readonly Check[] = [ratesArePossible, ratesHaveALink];
