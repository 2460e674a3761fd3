import { readFileSync } from 'node:fs';
import { errnoOf, isWarrenError } from '../../base/errors.js';
import { changedSysctls } from '../../host/network-changes.js';
import type { EngineContext } from '../context.js';
import type { DoctorCheck } from '../contract.js';

const forwarding = ['net.ipv4.ip_forward', 'net.ipv6.conf.all.forwarding'] as const;

/** What networks need of the host, and what was changed of it. */
export async function networkChecks(context: EngineContext): Promise<readonly DoctorCheck[]> {
  return [...forwarding.flatMap(forwardingCheck), ...otherChanges(), await firewallCheck(context)];
}

function valueOf(sysctl: string): string | null {
  try {
    return readFileSync(`/proc/sys/${sysctl.replaceAll('.', '/')}`, 'utf8').trim();
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return null;
    throw error;
  }
}

/** Off is no fault: it is switched on with the first network that leads outside. */
function forwardingCheck(name: (typeof forwarding)[number]): readonly DoctorCheck[] {
  const value = valueOf(name);
  if (value === null) return [];
  const change = changedSysctls().find((each) => each.name === name);
  const found =
    change === undefined
      ? value
      : `${value}: warren changed it from ${change.before}, until keeper stop`;
  return [{ name, status: 'ok', found, hint: '' }];
}

function otherChanges(): readonly DoctorCheck[] {
  return changedSysctls()
    .filter(({ name }) => !forwarding.some((each) => each === name))
    .map(({ name, before, set }) => ({
      name,
      status: 'ok',
      found: `${set}: warren changed it from ${before}, until keeper stop`,
      hint: '',
    }));
}

/** Chains of others that drop what containers send to the outside, and get from there. */
async function firewallCheck({ router }: EngineContext): Promise<DoctorCheck> {
  const name = 'firewall for forwarded packets';
  if (router.hostSide === null) {
    return { name, status: 'ok', found: 'not looked at: WARREN_HOST_NAT=0', hint: '' };
  }
  try {
    const { rules } = router.hostSide;
    const obstacles = [...(await rules.obstacles(4)), ...(await rules.obstacles(6))];
    const texts = obstacles.map(
      ({ chain, rule }) => `${rule} of chain ${chain.name} in table ${chain.family} ${chain.table}`,
    );
    if (texts.length === 0) return { name, status: 'ok', found: 'lets them pass', hint: '' };
    return {
      name,
      status: 'warning',
      found: [...new Set(texts)].join(', '),
      hint: 'Containers do not reach the outside: warren doctor --tune adds one marked rule to each',
    };
  } catch (error) {
    if (!isWarrenError(error)) throw error;
    return {
      name,
      status: 'warning',
      found: error.message,
      hint: 'Networks need nftables: apt-get install nftables',
    };
  }
}
