import { parseDuration } from '../../base/units.js';
import type { OciExecutionConfig, OciHealthcheck } from '../oci.js';
import { flagValue, instructionError, requireFlags, type Instruction } from './instruction.js';
import { splitWords } from './words.js';

/** What instructions that only change the image's config need to know. */
export interface ConfigStepInput {
  readonly config: OciExecutionConfig;
  /** Replaces variables and quotes in one word. */
  readonly expand: (word: string) => string;
  readonly escape: string;
}

type Change = (instruction: Instruction, input: ConfigStepInput) => OciExecutionConfig;

const changes: Readonly<Record<string, Change>> = {
  ENV: (instruction, input) => {
    const { config } = input;
    return { ...config, Env: withVariables(config.Env ?? [], pairsOf(instruction, input)) };
  },
  LABEL: (instruction, input) => {
    const { config } = input;
    const labels = Object.fromEntries(pairsOf(instruction, input));
    return { ...config, Labels: { ...config.Labels, ...labels } };
  },
  USER: (instruction, { config, expand }) => ({ ...config, User: expand(only(instruction)) }),
  STOPSIGNAL: (instruction, { config, expand }) => ({
    ...config,
    StopSignal: expand(only(instruction)),
  }),
  EXPOSE: (instruction, { config, expand }) => {
    const ports = splitWords(instruction.text)
      .map(expand)
      .flatMap((text) => text.split(/\s+/));
    return {
      ...config,
      ExposedPorts: {
        ...config.ExposedPorts,
        ...Object.fromEntries(ports.flatMap((port) => exposedPorts(instruction, port))),
      },
    };
  },
  VOLUME: (instruction, { config, expand }) => {
    const paths = (instruction.json ?? splitWords(instruction.text)).map(expand);
    if (paths.length === 0 || paths.includes(''))
      throw instructionError(instruction, 'a volume needs a path');
    return {
      ...config,
      Volumes: { ...config.Volumes, ...Object.fromEntries(paths.map((path) => [path, {}])) },
    };
  },
  CMD: (instruction, { config }) => ({ ...config, Cmd: commandOf(instruction, config) }),
  ENTRYPOINT: (instruction, { config }) => {
    // A command that the base image had was meant for its entrypoint.
    const { Cmd: _cmd, ...rest } = config;
    return { ...rest, Entrypoint: commandOf(instruction, config) };
  },
  SHELL: (instruction, { config }) => {
    if (instruction.json === null || instruction.json.length === 0)
      throw instructionError(instruction, 'the form is SHELL ["PROGRAM", "ARGUMENT", …]');
    return { ...config, Shell: instruction.json };
  },
  HEALTHCHECK: (instruction, { config }) => ({
    ...config,
    Healthcheck: healthcheckOf(instruction, config),
  }),
  ONBUILD: (instruction, { config }) => {
    const [keyword = ''] = splitWords(instruction.text);
    if (['ONBUILD', 'FROM', 'MAINTAINER'].includes(keyword.toUpperCase()))
      throw instructionError(instruction, `${keyword} cannot be a trigger`);
    const flags = instruction.flags.map(({ name }) => name);
    if (flags.length > 0) throw instructionError(instruction, `unknown flag --${flags[0] ?? ''}`);
    return { ...config, OnBuild: [...(config.OnBuild ?? []), instruction.script] };
  },
};

const flagsOf: Readonly<Record<string, readonly string[]>> = {
  HEALTHCHECK: ['interval', 'timeout', 'start-period', 'start-interval', 'retries'],
};

export const configKeywords: ReadonlySet<string> = new Set(Object.keys(changes));

/** The config after an instruction of {@link configKeywords}. Throws invalidArgument (DOCKERFILE). */
export function applyConfig(instruction: Instruction, input: ConfigStepInput): OciExecutionConfig {
  requireFlags(instruction, flagsOf[instruction.keyword] ?? []);
  const change = changes[instruction.keyword];
  if (change === undefined) throw new Error(`${instruction.keyword} changes no config`);
  if (instruction.text === '') throw instructionError(instruction, 'it needs an argument');
  return change(instruction, input);
}

export const defaultShell: readonly string[] = ['/bin/sh', '-c'];

/** Argv of RUN, CMD and ENTRYPOINT: a JSON list as it is, anything else through the shell. */
export function commandOf(
  { json, script }: Instruction,
  { Shell = defaultShell }: OciExecutionConfig,
): readonly string[] {
  return json ?? [...Shell, script];
}

/** `NAME=value` lists with these in the place of the old ones. */
export function withVariables(
  env: readonly string[],
  added: readonly (readonly [name: string, value: string])[],
): readonly string[] {
  const variables = new Map(env.map((entry) => [entry.slice(0, entry.indexOf('=')), entry]));
  for (const [name, value] of added) variables.set(name, `${name}=${value}`);
  return [...variables.values()];
}

/** `A=1 B="two words"`, or the old form `A the rest`. */
function pairsOf(
  instruction: Instruction,
  { expand, escape }: ConfigStepInput,
): readonly (readonly [string, string])[] {
  const words = splitWords(instruction.text, escape);
  const [first = ''] = words;
  if (!first.includes('=')) {
    const value = instruction.text.slice(first.length).trim();
    if (value === '') throw instructionError(instruction, 'the form is NAME=VALUE');
    return [[expand(first), expand(value)]];
  }
  return words.map((word) => {
    const equals = word.indexOf('=');
    if (equals <= 0) throw instructionError(instruction, `${word} is not of the form NAME=VALUE`);
    return [expand(word.slice(0, equals)), expand(word.slice(equals + 1))];
  });
}

function only(instruction: Instruction): string {
  const words = splitWords(instruction.text);
  const [word] = words;
  if (word === undefined || words.length > 1)
    throw instructionError(instruction, 'it needs exactly one argument');
  return word;
}

function exposedPorts(instruction: Instruction, text: string): [string, object][] {
  const match = /^(\d{1,5})(?:-(\d{1,5}))?(?:\/(tcp|udp|sctp))?$/i.exec(text);
  const from = Number(match?.[1]);
  const to = Number(match?.[2] ?? from);
  if (match === null || from > to || from < 1 || to > 65535)
    throw instructionError(instruction, `invalid port ${text}`);
  const protocol = (match[3] ?? 'tcp').toLowerCase();
  return Array.from({ length: to - from + 1 }, (_, index) => [`${from + index}/${protocol}`, {}]);
}

function healthcheckOf(instruction: Instruction, config: OciExecutionConfig): OciHealthcheck {
  const [keyword = '', ...rest] = splitWords(instruction.text);
  if (keyword.toUpperCase() === 'NONE' && rest.length === 0) return { Test: ['NONE'] };
  if (keyword.toUpperCase() !== 'CMD')
    throw instructionError(instruction, 'the form is HEALTHCHECK [FLAGS] CMD COMMAND, or NONE');
  const command = instruction.text.slice(keyword.length).trim();
  const json = command.startsWith('[') ? (JSON.parse(command) as readonly string[]) : null;
  const shell =
    config.Shell === undefined ? ['CMD-SHELL', command] : ['CMD', ...config.Shell, command];
  const time = (name: string): number | undefined => {
    const text = flagValue(instruction, name);
    return text === undefined ? undefined : parseDuration(text, name) * 1_000_000;
  };
  const times = {
    Interval: time('interval'),
    Timeout: time('timeout'),
    StartPeriod: time('start-period'),
    StartInterval: time('start-interval'),
    Retries: retriesOf(instruction),
  };
  const given = Object.entries(times).filter(([, value]) => value !== undefined);
  return { Test: json === null ? shell : ['CMD', ...json], ...Object.fromEntries(given) };
}

function retriesOf(instruction: Instruction): number | undefined {
  const text = flagValue(instruction, 'retries');
  if (text === undefined) return undefined;
  if (!/^\d{1,6}$/.test(text))
    throw instructionError(instruction, `invalid number of retries ${text}`);
  return Number(text);
}
