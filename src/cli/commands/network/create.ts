import { defined } from '../../config/defined.js';
import { choice } from '../../parse/value/choice.js';
import { parseLabel } from '../../parse/environment.js';
import { argument, defineCommand, type CommandDefinition } from '../../program/definition.js';
import { asText, flag, list, value } from '../../program/option.js';

const drivers = ['routed', 'bridge', 'macvlan'] as const;

export const command: CommandDefinition = defineCommand({
  description:
    'Creates a network and prints its id. Containers of one network reach each other; with --internal nothing else does but the host.',
  arguments: [argument('NETWORK')],
  options: {
    driver: value('-d, --driver <driver>', 'routed, bridge or macvlan', {
      parse: choice(...drivers),
      defaultText: 'routed',
      complete: drivers,
    }),
    subnet: list('--subnet <cidr>', 'Its addresses; one of IPv4, one of IPv6', { parse: asText }),
    gateway: list('--gateway <address>', "The host's address in it", { parse: asText }),
    ipRange: list('--ip-range <cidr>', 'Part of the subnet that containers get', {
      parse: asText,
    }),
    ipv6: flag('--ipv6', 'IPv6 addresses too'),
    internal: flag('--internal', 'No way out of it'),
    label: list('--label <key=value>', 'Label', { parse: parseLabel }),
    opt: list('-o, --opt <key=value>', 'Option of the driver: parent (macvlan), mtu', {
      parse: parseLabel,
    }),
  },
  examples: [
    { command: 'warren network create back', what: 'A network with addresses of the pool' },
    {
      command: 'warren network create --subnet 10.5.0.0/24 --internal db',
      what: 'Addresses of your own, and no way out',
    },
  ],
  run: async (context, { args, options: flags }) => {
    const engine = await context.engine();
    const { id, name } = await engine.networks.create({
      name: args[0] ?? '',
      ...defined({ driver: flags.driver }),
      subnets: flags.subnet,
      gateways: flags.gateway,
      ranges: flags.ipRange,
      ipv6: flags.ipv6,
      internal: flags.internal,
      labels: Object.fromEntries(flags.label),
      options: Object.fromEntries(flags.opt),
    });
    if (context.output.json) context.output.object({ id, name });
    else context.output.line(id);
  },
});
