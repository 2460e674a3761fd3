import { existsSync, readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { rootCertificates } from 'node:tls';
import type { Dispatcher } from 'undici';
import { WarrenError } from '../../base/errors.js';
import { defaultDomain } from '../reference.js';
import {
  authoritiesOf,
  clientCertificateOf,
  defaultSetting,
  type RegistrySettings,
} from './settings.js';

/** Where a registry, or a mirror of it, is reached. */
export interface Endpoint {
  /** With its port: what settings, credentials and messages call it. */
  readonly host: string;
  /** To try in this order: `https://host`, then `http://host` where that is allowed. */
  readonly origins: readonly string[];
  readonly dispatcher: Dispatcher;
  /** Mirrors get no credentials of the registry they mirror. */
  readonly isMirror: boolean;
}

/** Docker's registry has another host than its images' names say. */
const hosts: Readonly<Record<string, string>> = { [defaultDomain]: 'registry-1.docker.io' };
const systemCertificates = '/etc/ssl/certs/ca-certificates.crt';
/** Without a byte for this long, a request has failed. */
const silenceMs = 60_000;
const connectionsPerHost = 8;

/** The registry of a domain, with its mirrors in front when they may be asked. */
export async function endpointsOf(
  domain: string,
  settings: RegistrySettings,
  { mirrors }: { readonly mirrors: boolean },
): Promise<readonly Endpoint[]> {
  const setting = settings.registries.get(domain) ?? defaultSetting;
  if (setting.blocked) {
    throw new WarrenError(
      'permissionDenied',
      'REGISTRY_BLOCKED',
      `Cannot use registry ${domain}: the registries file blocks it`,
      { details: { host: domain } },
    );
  }
  const before = mirrors
    ? await Promise.all(
        setting.mirrors.map(async (mirror): Promise<Endpoint> => {
          const { host, origin } = new URL(mirror);
          const dispatcher = await dispatcherFor(host, settings);
          return { host, origins: [origin], dispatcher, isMirror: true };
        }),
      )
    : [];
  const host = hosts[domain] ?? domain;
  const plain = setting.insecure || isLoopback(host);
  return [
    ...before,
    {
      host: domain,
      origins: [`https://${host}`, ...(plain ? [`http://${host}`] : [])],
      dispatcher: await dispatcherFor(domain, settings),
      isMirror: false,
    },
  ];
}

/** True for hosts on this machine, where plain HTTP is no risk, as Docker sees it. */
export function isLoopback(host: string): boolean {
  const name = host.replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1');
  if (name === 'localhost' || name === '::1') return true;
  return isIP(name) === 4 && name.startsWith('127.');
}

async function dispatcherFor(host: string, settings: RegistrySettings): Promise<Dispatcher> {
  const { Agent, EnvHttpProxyAgent } = await import('undici');
  const { insecure } = settings.registries.get(host) ?? defaultSetting;
  const tls = {
    ca: [...trustedAuthorities(), ...authoritiesOf(settings, host)],
    rejectUnauthorized: !insecure,
    ...clientCertificateOf(settings, host),
  };
  const options = {
    connect: { ...tls, timeout: 30_000 },
    bodyTimeout: silenceMs,
    headersTimeout: silenceMs,
    connections: connectionsPerHost,
  };
  // Programs with proxy settings do not send what stays on this machine through the proxy.
  if (isLoopback(host)) return new Agent(options);
  return new EnvHttpProxyAgent({ ...options, requestTls: tls });
}

let trusted: readonly string[] | undefined;

/** The machine's own choice where it has one: companies add theirs there. */
function trustedAuthorities(): readonly string[] {
  const file = process.env['SSL_CERT_FILE'] ?? systemCertificates;
  trusted ??= existsSync(file) ? [readFileSync(file, 'utf8')] : rootCertificates;
  return trusted;
}
