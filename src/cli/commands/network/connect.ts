import { defined } from '../../config/defined.js';
import { parseIPv4, parseIPv6, parseLink, parseMac } from '../../parse/network.js';
import { argument, defineCommand, type CommandDefinition } from '../../program/definition.js';
import { asText, list, value } from '../../program/option.js';

export const command: CommandDefinition = defineCommand({
  description: 'Connects a container to a network, while it runs or for its next start.',
  arguments: [argument('NETWORK', 'network'), argument('CONTAINER', 'container')],
  options: {
    alias: list('--alias <name>', 'Another name of it on the network', { parse: asText }),
    ip: value('--ip <address>', 'IPv4 address', { parse: parseIPv4 }),
    ip6: value('--ip6 <address>', 'IPv6 address', { parse: parseIPv6 }),
    macAddress: value('--mac-address <address>', 'MAC address', { parse: parseMac }),
    link: list('--link <container:alias>', 'Another name for a container of the network', {
      parse: parseLink,
    }),
  },
  examples: [{ command: 'warren network connect back web', what: 'Give web one more network' }],
  run: async (context, { args, options: flags }) => {
    const engine = await context.engine();
    const [network = '', container = ''] = args;
    const wishes = defined({ ipv4: flags.ip, ipv6: flags.ip6, mac: flags.macAddress });
    await engine.networks.connect(container, {
      network,
      ...wishes,
      aliases: flags.alias,
      links: flags.link,
    });
  },
});
