import { addressBits, formatAddress, networkSize, parseNetwork } from '../../base/ip.js';
import type { EgressPolicy } from '../../model/network.js';
import type { Allowance } from '../dns/resolve.js';
import type { AllowedName } from '../dns/names.js';
import { routerSets } from '../firewall/router-table.js';
import type { SetElement } from '../nft/set.js';

/** Clients may connect a little after an answer's time is over. */
const graceMs = 10_000;

/** Longer than what a resolver may keep (RFC 8767). */
const longestMs = 7 * 24 * 3_600_000;

/** Elements of what a policy lists by address; `number` is the policy's. */
export function policyElements(number: number, policy: EgressPolicy): readonly SetElement[] {
  return policy.allow.flatMap(({ kind, value, port }) => {
    const network = kind === 'cidr' ? parseNetwork(value) : undefined;
    if (network === undefined) return [];
    const { family, base, prefix } = network;
    const first = formatAddress({ family, value: base });
    if (prefix === addressBits(family)) return [addressElement({ number, family, port }, first)];
    const last = formatAddress({ family, value: base + networkSize(network) - 1n });
    const [plain, withPort] =
      family === 4
        ? [routerSets.allowNet4, routerSets.allowNetPort4]
        : [routerSets.allowNet6, routerSets.allowNetPort6];
    return port === 0
      ? [{ set: plain, key: [number, first], keyEnd: [number, last] }]
      : [{ set: withPort, key: [number, first, port], keyEnd: [number, last, port] }];
  });
}

/** Elements of addresses that the resolver found for allowed names; they end by themselves. */
export function allowanceElements(allowances: readonly Allowance[]): readonly SetElement[] {
  return allowances.map(({ policy, address, port, timeToLiveMs }) => ({
    ...addressElement({ number: policy, family: address.includes(':') ? 6 : 4, port }, address),
    timeoutMs: Math.min(timeToLiveMs, longestMs) + graceMs,
  }));
}

interface Target {
  readonly number: number;
  readonly family: 4 | 6;
  /** 0: every port. */
  readonly port: number;
}

function addressElement({ number, family, port }: Target, address: string): SetElement {
  const [plain, withPort] =
    family === 4
      ? [routerSets.allow4, routerSets.allowPort4]
      : [routerSets.allow6, routerSets.allowPort6];
  return port === 0
    ? { set: plain, key: [number, address] }
    : { set: withPort, key: [number, address, port] };
}

/** Names of a policy, for the resolver. */
export function policyNames(policy: EgressPolicy): readonly AllowedName[] {
  return policy.allow.flatMap(({ kind, value, port }) =>
    kind === 'host' ? [{ name: value.toLowerCase().replace(/\.$/, ''), port }] : [],
  );
}
