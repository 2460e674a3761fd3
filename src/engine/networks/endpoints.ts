import type { ContainerSpec } from '../../model/container-config.js';
import type { Endpoint, NetworkAttachment } from '../../model/network/network.js';
import type { EngineContext } from '../context.js';
import { provideNetwork } from './create.js';

/** Endpoints that ask the records for their place: slot -1, and only the addresses that the user chose. */
export async function wantedEndpoints(
  context: EngineContext,
  spec: ContainerSpec,
): Promise<readonly Endpoint[]> {
  const endpoints: Endpoint[] = [];
  for (const attachment of spec.networking.attachments) {
    endpoints.push(await wantedEndpoint(context, attachment, endpoints.length));
  }
  return endpoints;
}

/** @throws WarrenError notFound (NO_SUCH_NETWORK) */
export async function wantedEndpoint(
  context: EngineContext,
  attachment: NetworkAttachment,
  index: number,
): Promise<Endpoint> {
  const network = await provideNetwork(context, attachment.network);
  return {
    network: network.id,
    slot: -1,
    index,
    ipv4: attachment.ipv4 ?? null,
    ipv6: attachment.ipv6 ?? null,
    mac: attachment.mac ?? '',
    aliases: attachment.aliases ?? [],
    links: attachment.links ?? [],
  };
}
