import type { UpdateRequest } from '../../../engine/contract.js';
import { defined } from '../../config/defined.js';
import { ratesOf } from '../../config/networks.js';
import { resourcesOf } from '../../config/resources.js';
import { egressOptions, rateOptions } from '../../options/network.js';
import { mergedEgress } from '../../parse/egress.js';
import { resourceOptions } from '../../options/resources.js';
import { parseDuration } from '../../parse/value/duration.js';
import { parseRestart } from '../../parse/policy.js';
import { argumentList, defineCommand, type CommandDefinition } from '../../program/definition.js';
import { value } from '../../program/option.js';
import { usageError } from '../../program/usage-error.js';
import { runBatch } from '../batch.js';

export const command: CommandDefinition = defineCommand({
  description:
    'Changes limits, egress rules, restart policy and lease of containers, at once where they run. What is not named stays; -1 (0 for weights, bandwidth and leases) takes a limit away, --egress allow all egress rules.',
  arguments: [argumentList('CONTAINER', { required: true, complete: 'container' })],
  options: {
    ...resourceOptions,
    ...rateOptions,
    ...egressOptions,
    restart: value('--restart <policy>', 'no, on-failure[:N], always or unless-stopped', {
      parse: parseRestart,
      complete: ['no', 'on-failure', 'always', 'unless-stopped'],
    }),
    ttl: value('--ttl <duration>', 'End it this long after its start; 0: never', {
      parse: parseDuration,
    }),
    idleTimeout: value('--idle-timeout <duration>', 'End it after this time idle; 0: never', {
      parse: parseDuration,
    }),
  },
  examples: [
    {
      command: 'warren update --memory 64m --cpus 0.5 web',
      what: 'Change two limits of a running container',
    },
    {
      command: 'warren update --restart unless-stopped web',
      what: 'Start it again whenever it ends',
    },
    {
      command: 'warren update --egress allow=registry.npmjs.org:443 web',
      what: 'From now on it reaches nothing else',
    },
  ],
  run: async (context, { args, options: flags }) => {
    const resources = resourcesOf(flags);
    const lease = defined({ ttlMs: flags.ttl, idleTimeoutMs: flags.idleTimeout });
    const request: UpdateRequest = {
      ...(Object.keys(resources).length === 0 ? {} : { resources }),
      ...(Object.keys(lease).length === 0 ? {} : { lease }),
      ...defined({
        restart: flags.restart,
        netRates: ratesOf(flags),
        egress: mergedEgress(flags.egress),
      }),
    };
    if (Object.keys(request).length === 0) {
      throw usageError(
        'Nothing to update: no flag names a change',
        'Example: warren update --memory 64m web',
      );
    }
    return runBatch(context, (engine, batch) => engine.containers.update(args, request, batch));
  },
});
