/** Reads seccomp profiles in the OCI form and in Docker's (`archMap`, `includes`, `excludes`). */
import { WarrenError } from '../../base/errors.js';
import { capabilityMask } from '../capabilities.js';
import type { OciSeccomp, OciSyscallArgument, OciSyscallRule } from '../oci.js';

export interface ProfileContext {
  readonly capabilities: bigint;
  readonly architecture: 'x64' | 'arm64';
  /** As in KernelFacts: major × 100 + minor. */
  readonly kernelVersion: number;
}

type Json = Readonly<Record<string, unknown>>;

const dockerArchitectures: Readonly<
  Record<'x64' | 'arm64', { readonly main: string; readonly short: string }>
> = {
  x64: { main: 'SCMP_ARCH_X86_64', short: 'amd64' },
  arm64: { main: 'SCMP_ARCH_AARCH64', short: 'arm64' },
};

const kept = 64;
const cache = new Map<string, OciSeccomp>();

/** Parses and resolves a profile for one container; equal requests give the same object. Throws `invalidArgument`. */
export function parseSeccompProfile(text: string, context: ProfileContext): OciSeccomp {
  const key = `${context.architecture} ${context.kernelVersion} ${context.capabilities} ${text}`;
  const known = cache.get(key);
  if (known !== undefined) return known;
  const profile = resolve(parseJson(text), context);
  if (cache.size >= kept) cache.clear();
  cache.set(key, profile);
  return profile;
}

function resolve(json: Json, context: ProfileContext): OciSeccomp {
  const defaultErrnoRet = optionalInteger(json, 'defaultErrnoRet');
  const flags =
    json['flags'] === undefined || json['flags'] === null
      ? undefined
      : stringList(json['flags'], 'flags');
  return {
    defaultAction: text(json['defaultAction'], 'defaultAction'),
    ...(defaultErrnoRet === undefined ? {} : { defaultErrnoRet }),
    architectures: architecturesOf(json, context),
    ...(flags === undefined ? {} : { flags }),
    syscalls: objectList(json['syscalls'] ?? [], 'syscalls')
      .filter((rule) => applies(rule, context))
      .map(ruleOf),
  };
}

function architecturesOf(json: Json, context: ProfileContext): string[] {
  const { main } = dockerArchitectures[context.architecture];
  if (json['archMap'] === undefined)
    return stringList(json['architectures'] ?? [main], 'architectures');
  const entry = objectList(json['archMap'], 'archMap').find(
    (candidate) => candidate['architecture'] === main,
  );
  return [main, ...stringList(entry?.['subArchitectures'] ?? [], 'subArchitectures')];
}

/** Docker's conditions: all of `includes` must hold, none of `excludes` may. */
function applies(rule: Json, context: ProfileContext): boolean {
  const includes = conditionsOf(rule['includes'], 'includes');
  const excludes = conditionsOf(rule['excludes'], 'excludes');
  const short = dockerArchitectures[context.architecture].short;
  if (includes.architectures.length > 0 && !includes.architectures.includes(short)) return false;
  if (excludes.architectures.includes(short)) return false;
  if ((includes.capabilities & ~context.capabilities) !== 0n) return false;
  if ((excludes.capabilities & context.capabilities) !== 0n) return false;
  if (context.kernelVersion < includes.kernel) return false;
  return excludes.kernel === 0 || context.kernelVersion < excludes.kernel;
}

function conditionsOf(
  value: unknown,
  field: string,
): {
  readonly architectures: readonly string[];
  readonly capabilities: bigint;
  readonly kernel: number;
} {
  const json = value === undefined || value === null ? {} : object(value, field);
  return {
    architectures: stringList(json['arches'] ?? [], `${field}.arches`),
    capabilities: capabilityMask(stringList(json['caps'] ?? [], `${field}.caps`)),
    kernel:
      json['minKernel'] === undefined
        ? 0
        : kernelVersion(text(json['minKernel'], `${field}.minKernel`)),
  };
}

function kernelVersion(version: string): number {
  const match = /^(\d+)\.(\d+)/.exec(version);
  if (match === null) throw invalid(`minKernel ${version} is no version`);
  return Number(match[1]) * 100 + Number(match[2]);
}

function ruleOf(json: Json): OciSyscallRule {
  const names =
    json['names'] === undefined ? [text(json['name'], 'name')] : stringList(json['names'], 'names');
  const errnoRet = optionalInteger(json, 'errnoRet');
  return {
    names,
    action: text(json['action'], 'action'),
    ...(errnoRet === undefined ? {} : { errnoRet }),
    args: objectList(json['args'] ?? [], 'args').map(argumentOf),
  };
}

function argumentOf(json: Json): OciSyscallArgument {
  return {
    index: integer(json['index'] ?? 0, 'index') as number,
    value: integer(json['value'] ?? 0, 'value'),
    valueTwo: integer(json['valueTwo'] ?? 0, 'valueTwo'),
    op: text(json['op'], 'op'),
  };
}

/** Integers above 2^53 are quoted first: JavaScript's parser would round them. */
function parseJson(source: string): Json {
  const quoted = source.replace(
    /("(?:[^"\\]|\\.)*")|(-?\d{16,})/g,
    (match, string: string | undefined) => (string === undefined ? `"${match}"` : match),
  );
  try {
    return object(JSON.parse(quoted), 'the document');
  } catch (error) {
    if (error instanceof SyntaxError) throw invalid(`it is no JSON (${error.message})`);
    throw error;
  }
}

function object(value: unknown, field: string): Json {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Json;
  throw invalid(`${field} is no object`);
}

function objectList(value: unknown, field: string): Json[] {
  if (!Array.isArray(value)) throw invalid(`${field} is no list`);
  return value.map((item) => object(item, field));
}

function stringList(value: unknown, field: string): string[] {
  if (!Array.isArray(value)) throw invalid(`${field} is no list`);
  return value.map((item) => text(item, field));
}

function text(value: unknown, field: string): string {
  if (typeof value === 'string') return value;
  throw invalid(`${field} is no string`);
}

function optionalInteger(json: Json, field: string): number | undefined {
  const value = json[field];
  return value === undefined || value === null ? undefined : (integer(value, field) as number);
}

function integer(value: unknown, field: string): number | string {
  if (typeof value === 'number' && Number.isInteger(value)) return value;
  if (typeof value === 'string' && /^-?\d+$/.test(value)) return value;
  throw invalid(`${field} is no integer`);
}

function invalid(reason: string): WarrenError {
  return new WarrenError(
    'invalidArgument',
    'SECCOMP_PROFILE',
    `Cannot use seccomp profile: ${reason}`,
  );
}
