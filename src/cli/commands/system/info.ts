import { formatMemory } from '../../../base/units.js';
import type { EngineInfo } from '../../../engine/contract.js';
import { defineCommand, type CommandDefinition } from '../../program/definition.js';
import { asText, value } from '../../program/option.js';
import { formatDocument } from '../../render/format.js';

function text(info: EngineInfo): string[] {
  const { containers, keepers } = info;
  return [
    `Containers: ${containers.total}`,
    ` Running: ${containers.running}`,
    ` Paused: ${containers.paused}`,
    ` Stopped: ${containers.stopped}`,
    `Images: ${info.images}`,
    `Version: ${info.version}`,
    `Kernel: ${info.kernel}`,
    `CPUs: ${info.cpus}`,
    `Memory: ${formatMemory(info.memoryBytes)}`,
    `Cgroups: ${info.cgroupVersion}, below ${info.cgroupParent}`,
    `Security: ${info.securityOptions.join(', ')}`,
    `Data root: ${info.dataRoot}`,
    `Run dir: ${info.runDir}`,
    `Keepers: ${keepers.length}`,
    ...keepers.map(
      (keeper) =>
        ` ${keeper.instance}: pid ${keeper.pid}, version ${keeper.version}, ${keeper.containers} containers, ${keeper.fdUsed} of ${keeper.fdLimit} fds, ${formatMemory(keeper.rssBytes)}`,
    ),
  ];
}

export const command: CommandDefinition = defineCommand({
  description: 'Shows figures of this engine: containers, images, kernel, cgroups, keepers.',
  arguments: [],
  options: {
    format: value('-f, --format <format>', 'json or a Go template', {
      parse: asText,
      complete: ['json'],
    }),
  },
  examples: [{ command: "warren info --format '{{.containers.running}}'", what: 'How many run' }],
  run: async (context, { options: flags }) => {
    const engine = await context.engine();
    const info = await engine.system.info();
    const format = flags.format ?? (context.output.json ? 'json' : undefined);
    if (format === undefined) context.output.lines(text(info));
    else context.output.line(formatDocument(info, format));
  },
});
