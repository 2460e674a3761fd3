import { posix } from 'node:path';
import { WarrenError } from '../base/errors.js';
import { applyConfig, configKeywords } from './dockerfile/apply-config.js';
import { parseInstruction } from './dockerfile/parse.js';
import { expandWord } from './dockerfile/words.js';
import type { OciExecutionConfig } from './oci.js';

/**
 * A config after Dockerfile instructions, as `--change` takes them: CMD, ENTRYPOINT, ENV, EXPOSE, HEALTHCHECK, LABEL, ONBUILD, SHELL,
 * STOPSIGNAL, USER, VOLUME and WORKDIR.
 * @throws WarrenError invalidArgument (INVALID_CHANGE, DOCKERFILE)
 */
export function applyChanges(
  config: OciExecutionConfig,
  changes: readonly string[],
): OciExecutionConfig {
  let result = config;
  for (const [index, text] of changes.entries()) {
    const instruction = parseInstruction(text, { file: '--change', line: index + 1 });
    const { keyword } = instruction;
    const variables = variablesOf(result);
    const expand = (word: string): string =>
      expandWord(word, { lookup: (name) => variables.get(name), escape: '\\' });
    if (keyword === 'WORKDIR') {
      const directory = posix.resolve(result.WorkingDir ?? '/', expand(instruction.text));
      result = { ...result, WorkingDir: directory };
    } else if (configKeywords.has(keyword)) {
      result = applyConfig(instruction, { config: result, expand, escape: '\\' });
    } else {
      throw new WarrenError(
        'invalidArgument',
        'INVALID_CHANGE',
        `Cannot apply change ${JSON.stringify(text)}: ${keyword} does not change an image's config`,
        { hint: `Use one of ${[...configKeywords, 'WORKDIR'].sort().join(', ')}` },
      );
    }
  }
  return result;
}

function variablesOf({ Env = [] }: OciExecutionConfig): ReadonlyMap<string, string> {
  return new Map(
    Env.map((line): [string, string] => {
      const equals = line.indexOf('=');
      return equals < 0 ? [line, ''] : [line.slice(0, equals), line.slice(equals + 1)];
    }),
  );
}
