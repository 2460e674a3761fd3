import { WarrenError } from '../base/errors.js';
import {
  mediaTypes,
  type OciDescriptor,
  type OciExecutionConfig,
  type OciImageConfig,
  type OciIndex,
  type OciManifest,
} from './oci.js';

/** Largest manifest, index or config that is read: what registries and Docker allow as well. */
export const maximumDocumentBytes: number = 4 * 1024 * 1024;
const maximumLayers = 1024;
const digestPattern = /^sha256:[0-9a-f]{64}$/;

type Fields = Readonly<Record<string, unknown>>;

/**
 * What a registry or an archive gave as a manifest or an index, checked as far as Warren uses it.
 * @throws WarrenError corrupt (INVALID_MANIFEST), unsupported (MANIFEST_TYPE)
 */
export function parseManifestOrIndex(
  content: Buffer,
  mediaType: string,
): { readonly manifest: OciManifest } | { readonly index: OciIndex } {
  const fields = fieldsOf(content, 'manifest');
  const type = mediaTypeOf(fields, mediaType);
  switch (type) {
    case mediaTypes.manifest:
    case mediaTypes.dockerManifest:
      return { manifest: checkManifest(fields) };
    case mediaTypes.index:
    case mediaTypes.dockerIndex:
      return { index: checkIndex(fields) };
    default:
      throw new WarrenError(
        'unsupported',
        'MANIFEST_TYPE',
        `Cannot use a manifest of type ${JSON.stringify(type.slice(0, 100))}`,
        { hint: 'Push the image again with a current tool: OCI and Docker schema 2 are read' },
      );
  }
}

/** @throws WarrenError corrupt (INVALID_MANIFEST) */
export function parseManifest(content: Buffer): OciManifest {
  return checkManifest(fieldsOf(content, 'manifest'));
}

/** @throws WarrenError corrupt (INVALID_MANIFEST) */
export function parseIndex(content: Buffer): OciIndex {
  return checkIndex(fieldsOf(content, 'index'));
}

/** @throws WarrenError corrupt (INVALID_IMAGE_CONFIG) */
export function parseImageConfig(content: Buffer): OciImageConfig {
  const fields = fieldsOf(content, 'config');
  const rootfs = fields['rootfs'];
  const diffIds = isFields(rootfs) ? rootfs['diff_ids'] : undefined;
  const check = (field: string, valid: boolean): void => {
    if (!valid) throw invalidConfig(field);
  };
  check('rootfs.diff_ids', isListOf(diffIds, isDigest) && diffIds.length <= maximumLayers);
  check('architecture', isText(fields['architecture']));
  check('os', isOptional(fields['os'], isText));
  for (const field of ['created', 'author', 'variant']) {
    check(field, isOptional(fields[field], isText));
  }
  check(
    'history',
    isOptional(fields['history'], (list) => isListOf(list, isHistory)),
  );
  const { config } = fields;
  check('config', isAbsent(config) || isFields(config));
  if (isFields(config)) checkExecution(config);
  return { os: 'linux', ...withoutNulls(fields) } as unknown as OciImageConfig;
}

const textFields = ['User', 'WorkingDir', 'StopSignal'] as const;
const listFields = ['Env', 'Entrypoint', 'Cmd', 'OnBuild', 'Shell'] as const;
const mapFields = ['ExposedPorts', 'Volumes', 'Labels'] as const;
const healthNumbers = ['Interval', 'Timeout', 'StartPeriod', 'StartInterval', 'Retries'] as const;

function checkExecution(config: Fields): asserts config is Fields & OciExecutionConfig {
  const checks: readonly [field: string, valid: boolean][] = [
    ...textFields.map((field): [string, boolean] => [field, isOptional(config[field], isText)]),
    ...listFields.map((field): [string, boolean] => [
      field,
      isOptional(config[field], (value) => isListOf(value, isText)),
    ]),
    ...mapFields.map((field): [string, boolean] => [field, isOptional(config[field], isFields)]),
    [
      'Labels',
      isOptional(config['Labels'], (value) => Object.values(value as object).every(isText)),
    ],
    ['Healthcheck', isOptional(config['Healthcheck'], isHealthcheck)],
  ];
  const wrong = checks.find(([, valid]) => !valid);
  if (wrong !== undefined) throw invalidConfig(`config.${wrong[0]}`);
}

function isHistory(value: unknown): boolean {
  return (
    isFields(value) &&
    ['created', 'created_by', 'author', 'comment'].every((key) => isOptional(value[key], isText)) &&
    isOptional(value['empty_layer'], (flag) => typeof flag === 'boolean')
  );
}

function isHealthcheck(value: unknown): boolean {
  return (
    isFields(value) &&
    isOptional(value['Test'], (test) => isListOf(test, isText)) &&
    healthNumbers.every((field) => isOptional(value[field], Number.isSafeInteger))
  );
}

function checkManifest(fields: Fields): OciManifest {
  const { config, layers } = fields;
  if (!isDescriptor(config)) throw invalidManifest('config');
  if (!isListOf(layers, isDescriptor) || layers.length > maximumLayers) {
    throw invalidManifest('layers');
  }
  return fields as unknown as OciManifest;
}

function checkIndex(fields: Fields): OciIndex {
  const { manifests } = fields;
  const isEntry = (entry: unknown): boolean =>
    isDescriptor(entry) && isOptional((entry as Partial<OciDescriptor>).platform, isPlatform);
  if (!isListOf(manifests, isEntry)) throw invalidManifest('manifests');
  return fields as unknown as OciIndex;
}

function isPlatform(value: unknown): boolean {
  return (
    isFields(value) &&
    isText(value['os']) &&
    isText(value['architecture']) &&
    isOptional(value['variant'], isText)
  );
}

function isDescriptor(value: unknown): boolean {
  if (!isFields(value)) return false;
  const { mediaType, digest, size, annotations } = value;
  return (
    isText(mediaType) &&
    isDigest(digest) &&
    typeof size === 'number' &&
    Number.isSafeInteger(size) &&
    size >= 0 &&
    isOptional(annotations, (map) => isFields(map) && Object.values(map).every(isText))
  );
}

/** The document's own word; what the transport said where it has none, and what its fields show where nobody says. */
function mediaTypeOf(fields: Fields, transport: string): string {
  const own = fields['mediaType'];
  if (isText(own) && own !== '') return own;
  if (isText(transport) && transport.includes('manifest')) return transport;
  if (transport === mediaTypes.index) return transport;
  return Array.isArray(fields['manifests']) ? mediaTypes.index : mediaTypes.manifest;
}

function fieldsOf(content: Buffer, what: string): Fields {
  let parsed: unknown;
  try {
    parsed = JSON.parse(content.toString('utf8'));
  } catch (cause) {
    throw invalid(what, 'it is no JSON', cause);
  }
  if (!isFields(parsed)) throw invalid(what, 'it is no object');
  return parsed;
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}

function isDigest(value: unknown): boolean {
  return isText(value) && digestPattern.test(value);
}

function isAbsent(value: unknown): boolean {
  return value === undefined || value === null;
}

function isOptional(value: unknown, rule: (value: unknown) => boolean): boolean {
  return isAbsent(value) || rule(value);
}

function isListOf(value: unknown, rule: (item: unknown) => boolean): value is readonly unknown[] {
  return Array.isArray(value) && value.every(rule);
}

/** Go writes an empty list as null. */
function withoutNulls(fields: Fields): Fields {
  return Object.fromEntries(
    Object.entries(fields)
      .filter(([, value]) => value !== null)
      .map(([key, value]) => [key, isFields(value) ? withoutNulls(value) : value]),
  );
}

function invalidManifest(field: string): WarrenError {
  return invalid('manifest', `field ${field} is missing or wrong`);
}

function invalidConfig(field: string): WarrenError {
  return new WarrenError(
    'corrupt',
    'INVALID_IMAGE_CONFIG',
    `Cannot use an image's config: field ${field} is missing or wrong`,
  );
}

function invalid(what: string, why: string, cause?: unknown): WarrenError {
  return new WarrenError('corrupt', 'INVALID_MANIFEST', `Cannot use an image's ${what}: ${why}`, {
    ...(cause === undefined ? {} : { cause }),
  });
}
