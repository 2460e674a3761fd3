import type { ContainerConfig } from '../../model/container-config.js';
import {
  isNetworkName,
  type NetworkAttachment,
  type NetworkRates,
} from '../../model/network/network.js';
import type { NetworkFlags, RateFlags } from '../options/network.js';
import { mergedEgress } from '../parse/egress.js';
import { usageError } from '../program/usage-error.js';
import { defined } from './defined.js';

/** What the flags for networks say; those for one network belong to the first. */
export function networksOf(flags: NetworkFlags): Partial<ContainerConfig> {
  const [first, ...others] = flags.network;
  const wishes = wishesOf(flags);
  const hasWishes = Object.keys(wishes).length > 0;
  const mode = first?.network;
  const isMode = mode !== undefined && !isNetworkName(mode);
  if (isMode && (hasWishes || others.length > 0)) {
    throw usageError(
      `Flags exclude each other: --network ${mode} and those for addresses and names on a network`,
    );
  }
  const names = defined({
    dns: some(flags.dns),
    dnsSearch: some(flags.dnsSearch),
    dnsOptions: some(flags.dnsOption),
    expose: some(flags.expose.flat()),
    publish: some(flags.publish.flat()),
    publishAll: flags.publishAll ? true : undefined,
    netRates: ratesOf(flags),
    egress: mergedEgress(flags.egress),
  });
  if (first === undefined) {
    if (!hasWishes) return names;
    throw usageError(
      'Flag is missing: --network',
      'Addresses and names belong to a network: name it, as in --network back',
    );
  }
  if (isMode) return { ...names, network: mode };
  return { ...names, networks: [{ ...first, ...wishes }, ...others] };
}

/** The limits of bandwidth that were given; undefined: none was. */
export function ratesOf(flags: RateFlags): Partial<NetworkRates> | undefined {
  const rates = defined({
    inBytesPerSecond: flags.netRateIn,
    outBytesPerSecond: flags.netRateOut,
    inBurstBytes: flags.netBurstIn,
    outBurstBytes: flags.netBurstOut,
  });
  return Object.keys(rates).length === 0 ? undefined : rates;
}

function wishesOf(flags: NetworkFlags): Partial<NetworkAttachment> {
  return defined({
    ipv4: flags.ip,
    ipv6: flags.ip6,
    mac: flags.macAddress,
    aliases: some(flags.networkAlias),
    links: some(flags.link),
  });
}

function some<T>(items: readonly T[]): readonly T[] | undefined {
  return items.length === 0 ? undefined : items;
}
