import { parseLabel } from '../parse/environment.js';
import { asText, list, value, type TableFor } from '../program/option.js';

/** Names and labels. */
export interface IdentityFlags {
  readonly name: string | undefined;
  readonly hostname: string | undefined;
  readonly domainname: string | undefined;
  readonly addHost: readonly string[];
  readonly label: readonly (readonly [string, string])[];
  readonly labelFile: readonly string[];
  readonly cidfile: string | undefined;
}

export const identityOptions: TableFor<IdentityFlags> = {
  name: value('--name <name>', 'Name of the container', {
    parse: asText,
    defaultText: 'generated',
  }),
  hostname: value('-h, --hostname <name>', 'Host name inside', { parse: asText }),
  domainname: value('--domainname <name>', 'Domain name inside', { parse: asText }),
  addHost: list('--add-host <name:ip>', 'Line for /etc/hosts', { parse: asText }),
  label: list('-l, --label <key=value>', 'Label', { parse: parseLabel }),
  labelFile: list('--label-file <file>', 'Read labels from a file', {
    parse: asText,
    complete: 'file',
  }),
  cidfile: value('--cidfile <file>', 'Write the id to a file, which must not exist', {
    parse: asText,
    complete: 'file',
  }),
};
