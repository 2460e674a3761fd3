import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { errnoOf, WarrenError } from '../../base/errors.js';

/** What the configuration file says about one registry. */
export interface RegistrySetting {
  /** Base addresses (`http://cache.local:5000`) that are asked first when something is pulled. */
  readonly mirrors: readonly string[];
  /** Neither encryption nor the certificate is insisted on. */
  readonly insecure: boolean;
  /** Nothing is pulled from it, nor pushed to it. */
  readonly blocked: boolean;
  /** File with certificates of authorities that are trusted besides the usual ones. */
  readonly ca: string | null;
  /** Files of the client's own certificate and key. */
  readonly certificate: string | null;
  readonly key: string | null;
}

export interface RegistrySettings {
  /** By host, with its port when it is written in references. */
  readonly registries: ReadonlyMap<string, RegistrySetting>;
  /** Folders with one folder for each host, as Docker has them: `HOST/*.crt` are trusted authorities. */
  readonly certificateFolders: readonly string[];
}

export const defaultSetting: RegistrySetting = {
  mirrors: [],
  insecure: false,
  blocked: false,
  ca: null,
  certificate: null,
  key: null,
};

/**
 * Reads the configuration file; one that is missing says nothing.
 *
 *     { "registries": { "docker.io": { "mirrors": ["https://cache.local"] }, "old.local:5000": { "insecure": true } } }
 *
 * @throws WarrenError invalidArgument (INVALID_REGISTRIES_FILE) naming the field
 */
export function readRegistrySettings(file: string): RegistrySettings {
  const certificateFolders = ['/etc/warren/certs.d', '/etc/docker/certs.d'];
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw unreadable(file, error);
    return { registries: new Map(), certificateFolders };
  }
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (cause) {
    throw unreadable(file, cause);
  }
  return { registries: settingsOf(parsed, file), certificateFolders };
}

/** Certificates of authorities for a host, in PEM. @throws WarrenError invalidArgument when the file cannot be read */
export function authoritiesOf(settings: RegistrySettings, host: string): readonly string[] {
  const { ca } = settings.registries.get(host) ?? defaultSetting;
  const own = ca === null ? [] : [readGiven(ca)];
  const found = settings.certificateFolders.flatMap((folder) => {
    const directory = join(folder, host);
    return namesIn(directory)
      .filter((name) => name.endsWith('.crt'))
      .map((name) => readGiven(join(directory, name)));
  });
  return [...own, ...found];
}

/** The client's own certificate for a host; null when none is configured. */
export function clientCertificateOf(
  settings: RegistrySettings,
  host: string,
): { readonly cert: string; readonly key: string } | null {
  const { certificate, key } = settings.registries.get(host) ?? defaultSetting;
  return certificate === null || key === null
    ? null
    : { cert: readGiven(certificate), key: readGiven(key) };
}

type Fields = Readonly<Record<string, unknown>>;

function settingsOf(parsed: unknown, file: string): ReadonlyMap<string, RegistrySetting> {
  const wrong = (field: string): WarrenError =>
    new WarrenError(
      'invalidArgument',
      'INVALID_REGISTRIES_FILE',
      `Cannot use ${file}: field ${field} is wrong`,
      {
        hint: 'For example: { "registries": { "cache.local:5000": { "insecure": true } } }; see docs/images.md',
      },
    );
  if (!isFields(parsed)) throw wrong('registries');
  const unknown = Object.keys(parsed).find((key) => key !== 'registries');
  if (unknown !== undefined) throw wrong(unknown);
  const { registries = {} } = parsed;
  if (!isFields(registries)) throw wrong('registries');
  return new Map(
    Object.entries(registries).map(([host, fields]) => {
      const name = `registries[${JSON.stringify(host)}]`;
      if (!isFields(fields)) throw wrong(name);
      return [host, settingOf(fields, (field) => wrong(`${name}.${field}`))];
    }),
  );
}

function settingOf(fields: Fields, wrong: (field: string) => WarrenError): RegistrySetting {
  const { mirrors = [], insecure = false, blocked = false } = fields;
  const { ca = null, certificate = null, key = null } = fields;
  const unknown = Object.keys(fields).find((field) => !(field in defaultSetting));
  if (unknown !== undefined) throw wrong(unknown);
  if (!Array.isArray(mirrors) || !mirrors.every(isAddress)) throw wrong('mirrors');
  if (typeof insecure !== 'boolean') throw wrong('insecure');
  if (typeof blocked !== 'boolean') throw wrong('blocked');
  if (!isTextOrNull(ca)) throw wrong('ca');
  if (!isTextOrNull(certificate)) throw wrong('certificate');
  if (!isTextOrNull(key) || (key === null) !== (certificate === null)) throw wrong('key');
  return {
    mirrors: mirrors.map((mirror: string) => mirror),
    insecure,
    blocked,
    ca,
    certificate,
    key,
  };
}

function isAddress(value: unknown): boolean {
  if (typeof value !== 'string' || !URL.canParse(value)) return false;
  const { protocol, pathname } = new URL(value);
  return (protocol === 'http:' || protocol === 'https:') && pathname === '/';
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isTextOrNull(value: unknown): value is string | null {
  return value === null || typeof value === 'string';
}

function namesIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return [];
    throw error;
  }
}

function readGiven(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw unreadable(file, error);
  }
}

function unreadable(file: string, cause: unknown): WarrenError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new WarrenError(
    'invalidArgument',
    'INVALID_REGISTRIES_FILE',
    `Cannot read ${file}, which configures registries: ${why}`,
    { cause },
  );
}
