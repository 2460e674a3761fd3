import { release } from 'node:os';
import { asText, value } from '../../program/option.js';
import { defineCommand, type CommandDefinition } from '../../program/definition.js';
import { packageVersion } from '../../../base/package.js';

export const command: CommandDefinition = defineCommand({
  description: 'Shows the version of Warren, Node and the kernel.',
  arguments: [],
  options: {
    format: value('-f, --format <format>', 'json or a Go template', {
      parse: asText,
      complete: ['json'],
    }),
  },
  examples: [{ command: 'warren version', what: 'Show versions' }],
  run: async ({ output }, { options: flags }) => {
    const document = {
      Version: packageVersion(),
      Node: process.version,
      Kernel: release(),
      Architecture: process.arch,
    };
    const format = flags.format ?? (output.json ? 'json' : undefined);
    if (format !== undefined) {
      const { formatDocument } = await import('../../render/format.js');
      output.line(formatDocument(document, format));
      return;
    }
    output.lines([
      `warren version ${document.Version}`,
      `node ${document.Node}, Linux ${document.Kernel}, ${document.Architecture}`,
    ]);
  },
});
