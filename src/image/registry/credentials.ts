import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { errnoOf, isWarrenError, WarrenError } from '../../base/errors.js';
import { lockAcrossProcesses } from '../../host/process-lock.js';
import type { Host, RunResult } from '../../host/port.js';
import { defaultDomain } from '../reference.js';

/** How a user shows a registry who they are. */
export type Credentials =
  | { readonly kind: 'password'; readonly username: string; readonly password: string }
  /** A token with which other tokens can be got. */
  | { readonly kind: 'identity'; readonly token: string };

interface DockerConfig {
  readonly auths?: Readonly<Record<string, AuthEntry>>;
  readonly credsStore?: string;
  readonly credHelpers?: Readonly<Record<string, string>>;
}

interface AuthEntry {
  /** base64 of `username:password`. */
  readonly auth?: string;
  readonly username?: string;
  readonly password?: string;
  readonly identitytoken?: string;
}

/** Under this name Docker keeps credentials for its own registry. */
const dockerHubKey = 'https://index.docker.io/v1/';
/** The user name with which helpers mark identity tokens. */
const identityUser = '<token>';

/**
 * Credentials where Docker's tools keep them: `config.json` of the given folder, or helper programs
 * (`docker-credential-NAME`) that it names.
 */
export class CredentialStore {
  private readonly directory: string;
  private readonly host: Pick<Host, 'run'>;

  constructor(directory: string, host: Pick<Host, 'run'>) {
    this.directory = directory;
    this.host = host;
  }

  /** Null when there are none for this registry. */
  async find(domain: string): Promise<Credentials | null> {
    const config = this.read();
    const helper = helperOf(config, domain);
    if (helper !== null) return await this.askHelper(helper, domain);
    const wanted = hostOfKey(keyOf(domain));
    const entry = Object.entries(config.auths ?? {}).find(([key]) => hostOfKey(key) === wanted);
    return entry === undefined ? null : credentialsOf(entry[1], `${this.path}: ${entry[0]}`);
  }

  /** Keeps them; returns where. */
  async keep(domain: string, credentials: Credentials): Promise<string> {
    const helper = helperOf(this.read(), domain);
    if (helper !== null) {
      const pair =
        credentials.kind === 'identity'
          ? { Username: identityUser, Secret: credentials.token }
          : { Username: credentials.username, Secret: credentials.password };
      const input = JSON.stringify({ ServerURL: keyOf(domain), ...pair });
      requireSuccess(helper, await this.runHelper(helper, 'store', input));
      return `docker-credential-${helper}`;
    }
    await this.change((auths) => ({ ...auths, [keyOf(domain)]: entryOf(credentials) }));
    return this.path;
  }

  /** False when there were none. */
  async forget(domain: string): Promise<boolean> {
    const config = this.read();
    const helper = helperOf(config, domain);
    if (helper !== null) {
      if ((await this.askHelper(helper, domain)) === null) return false;
      requireSuccess(helper, await this.runHelper(helper, 'erase', keyOf(domain)));
      return true;
    }
    const wanted = hostOfKey(keyOf(domain));
    const isWanted = (key: string): boolean => hostOfKey(key) === wanted;
    if (!Object.keys(config.auths ?? {}).some(isWanted)) return false;
    await this.change((auths) =>
      Object.fromEntries(Object.entries(auths).filter(([key]) => !isWanted(key))),
    );
    return true;
  }

  private get path(): string {
    return join(this.directory, 'config.json');
  }

  private read(): DockerConfig {
    try {
      return JSON.parse(readFileSync(this.path, 'utf8')) as DockerConfig;
    } catch (cause) {
      if (errnoOf(cause) === 'ENOENT') return {};
      throw new WarrenError(
        'invalidArgument',
        'INVALID_DOCKER_CONFIG',
        `Cannot read ${this.path}: ${cause instanceof Error ? cause.message : String(cause)}`,
        { hint: 'Repair the file, or choose another folder with DOCKER_CONFIG', cause },
      );
    }
  }

  private async change(
    edit: (auths: Readonly<Record<string, AuthEntry>>) => Record<string, AuthEntry>,
  ): Promise<void> {
    mkdirSync(this.directory, { recursive: true, mode: 0o700 });
    await using _lock = await lockAcrossProcesses(this.directory, 'config.json');
    const config = this.read();
    const text = JSON.stringify({ ...config, auths: edit(config.auths ?? {}) }, null, '\t');
    const next = `${this.path}.next-${process.pid}`;
    try {
      writeFileSync(next, `${text}\n`, { mode: 0o600, flush: true });
      renameSync(next, this.path);
    } catch (error) {
      rmSync(next, { force: true });
      throw error;
    }
  }

  private async askHelper(helper: string, domain: string): Promise<Credentials | null> {
    const result = await this.runHelper(helper, 'get', keyOf(domain));
    if (result.code !== 0) {
      if (/credentials not found/i.test(result.stdout + result.stderr)) return null;
      throw helperFailed(helper, result);
    }
    let told: { readonly Username?: unknown; readonly Secret?: unknown };
    try {
      told = JSON.parse(result.stdout) as typeof told;
    } catch (cause) {
      throw new WarrenError(
        'unavailable',
        'CREDENTIAL_HELPER_FAILED',
        `Cannot use docker-credential-${helper}: its answer is no JSON`,
        { cause },
      );
    }
    const { Username: username = '', Secret: secret = '' } = told;
    if (typeof username !== 'string' || typeof secret !== 'string' || secret === '') return null;
    return username === identityUser
      ? { kind: 'identity', token: secret }
      : { kind: 'password', username, password: secret };
  }

  private async runHelper(helper: string, verb: string, input: string): Promise<RunResult> {
    const program = `docker-credential-${helper}`;
    try {
      return await this.host.run(program, [verb], { input: inputOf(input) });
    } catch (cause) {
      if (!isWarrenError(cause, 'commandNotFound')) throw cause;
      throw new WarrenError(
        'unavailable',
        'CREDENTIAL_HELPER_FAILED',
        `Cannot find the credential helper ${program} that ${this.path} names`,
        { hint: 'Install it, or remove credsStore or credHelpers from the file', cause },
      );
    }
  }
}

function helperOf({ credHelpers = {}, credsStore }: DockerConfig, domain: string): string | null {
  const helper = credHelpers[domain] ?? credHelpers[hostOfKey(keyOf(domain))] ?? credsStore ?? '';
  return /^[A-Za-z0-9._-]+$/.test(helper) ? helper : null;
}

function keyOf(domain: string): string {
  return domain === defaultDomain ? dockerHubKey : domain;
}

/** `https://host/v1/` and `host` mean the same registry. */
function hostOfKey(key: string): string {
  return key.replace(/^https?:\/\//, '').replace(/\/.*$/, '');
}

function credentialsOf(entry: AuthEntry, place: string): Credentials | null {
  if (entry.identitytoken !== undefined && entry.identitytoken !== '') {
    return { kind: 'identity', token: entry.identitytoken };
  }
  if (entry.username !== undefined && entry.password !== undefined) {
    return { kind: 'password', username: entry.username, password: entry.password };
  }
  if (entry.auth === undefined || entry.auth === '') return null;
  const pair = Buffer.from(entry.auth, 'base64').toString('utf8').replace(/\0+$/, '');
  const colon = pair.indexOf(':');
  if (colon < 0) {
    throw new WarrenError(
      'invalidArgument',
      'INVALID_DOCKER_CONFIG',
      `Cannot use the credentials in ${place}: they are no name and password`,
      { hint: 'Log in again with: warren login' },
    );
  }
  return { kind: 'password', username: pair.slice(0, colon), password: pair.slice(colon + 1) };
}

function entryOf(credentials: Credentials): AuthEntry {
  if (credentials.kind === 'identity') return { identitytoken: credentials.token };
  const pair = `${credentials.username}:${credentials.password}`;
  return { auth: Buffer.from(pair).toString('base64') };
}

async function* inputOf(text: string): AsyncGenerator<Buffer> {
  yield Buffer.from(text);
}

function requireSuccess(helper: string, result: RunResult): void {
  if (result.code !== 0) throw helperFailed(helper, result);
}

/** What a helper says on stdout may be the secret itself: it is not repeated. */
function helperFailed(helper: string, result: RunResult): WarrenError {
  const why = result.stderr.trim().split('\n').at(-1) ?? '';
  return new WarrenError(
    'unavailable',
    'CREDENTIAL_HELPER_FAILED',
    `Cannot use docker-credential-${helper}: it ended with ${result.signal ?? String(result.code)}${why === '' ? '' : `: ${why.slice(0, 200)}`}`,
  );
}
