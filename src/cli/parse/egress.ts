import { parseAddress, parseNetwork } from '../../base/ip.js';
import type { EgressPolicy, EgressRule } from '../../model/network/network.js';
import { BadValue } from './value/bad-value.js';

const rule =
  'an egress policy is allow, deny, or allow= with names, addresses and networks, each with a port or without';
const example = 'allow=registry.npmjs.org:443,*.debian.org,10.0.0.0/8,[2001:db8::1]:22';

/** `deny`, `allow`, or `allow=…`: nothing but what is named. */
export function parseEgress(text: string): EgressPolicy {
  if (text === 'allow' || text === 'deny') return { policy: text, allow: [] };
  if (!text.startsWith('allow=')) throw new BadValue(rule, example);
  return { policy: 'deny', allow: text.slice('allow='.length).split(',').map(parseDestination) };
}

function parseDestination(text: string): EgressRule {
  const bracketed = /^\[([^\]]+)\](?::(\d+))?$/.exec(text);
  if (bracketed !== null) return ruleOf(bracketed[1] ?? '', bracketed[2]);
  if (parseNetwork(text) !== undefined) return ruleOf(text, undefined);
  const [, value = '', port] = /^([^:]+)(?::(\d+))?$/.exec(text) ?? [];
  return ruleOf(value, port);
}

function ruleOf(value: string, portText: string | undefined): EgressRule {
  const port = portText === undefined ? 0 : Number(portText);
  if (value === '' || port > 65_535 || portText === '0') throw new BadValue(rule, example);
  const isNetwork = parseAddress(value) !== undefined || parseNetwork(value) !== undefined;
  return { kind: isNetwork ? 'cidr' : 'host', value, port };
}

/** Several flags are one policy: what any of them allows. undefined: none was given. */
export function mergedEgress(policies: readonly EgressPolicy[]): EgressPolicy | undefined {
  if (policies.length === 0) return undefined;
  const isDenied = policies.some(({ policy }) => policy === 'deny');
  return { policy: isDenied ? 'deny' : 'allow', allow: policies.flatMap(({ allow }) => allow) };
}
