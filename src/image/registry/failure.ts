import { errnoOf, WarrenError, type ErrorKind } from '../../base/errors.js';

/** What was being done, for messages: `pull busybox:latest`. */
export interface Attempt {
  readonly what: string;
  /** Of the registry. */
  readonly host: string;
}

/** An answer that is no success, read to its end. */
export interface Refusal {
  readonly status: number;
  readonly body: string;
}

interface Kind {
  readonly kind: ErrorKind;
  readonly code: string;
  readonly why: string;
  readonly hint: string;
}

const tlsCodes = /CERT|SELF_SIGNED|UNABLE_TO|ALTNAME|ERR_TLS|ERR_SSL|EPROTO/;

/** True when the other side speaks TLS, but nobody vouches for it: plain HTTP would not help. */
export function isDistrusted(error: unknown): boolean {
  return /CERT|SELF_SIGNED|UNABLE_TO|ALTNAME/.test(errnoOf(error) ?? '');
}

/** The error for an answer of a registry. What the registry says is quoted, cut, on one line. */
export function refusalError({ what, host }: Attempt, { status, body }: Refusal): WarrenError {
  const told = messageOf(body);
  const { kind, code, why, hint } = kindOf(status, host);
  return new WarrenError(
    kind,
    code,
    `Cannot ${what}: registry ${host} ${why}${told === '' ? '' : ` (${told})`}`,
    { hint, details: { host, status } },
  );
}

/** The error for a request that got no answer. */
export function connectionError({ what, host }: Attempt, cause: unknown): WarrenError {
  const code = errnoOf(cause) ?? '';
  const message = cause instanceof Error && cause.message !== '' ? cause.message : code;
  if (tlsCodes.test(code)) {
    const plain = /WRONG_VERSION|PACKET_LENGTH|EPROTO/.test(code);
    return new WarrenError(
      'unavailable',
      'REGISTRY_TLS',
      `Cannot ${what}: no trusted connection to registry ${host}: ${message.split('\n')[0] ?? ''}`,
      {
        hint: plain
          ? `If it speaks plain HTTP, mark ${host} as insecure in the registries file`
          : `Name its authority's certificate as "ca" of ${host} in the registries file`,
        cause,
        details: { host, errno: code },
      },
    );
  }
  return new WarrenError(
    'unavailable',
    'REGISTRY_UNREACHABLE',
    `Cannot ${what}: registry ${host} cannot be reached: ${message.split('\n')[0] ?? ''}`,
    {
      hint: 'Check the name, the network and the proxy settings',
      cause,
      details: { host, errno: code },
    },
  );
}

function kindOf(status: number, host: string): Kind {
  const login = `Log in with: warren login ${host}`;
  switch (status) {
    case 401:
      return {
        kind: 'permissionDenied',
        code: 'REGISTRY_UNAUTHORIZED',
        why: 'refuses access: it does not exist, or needs a login',
        hint: login,
      };
    case 403:
      return {
        kind: 'permissionDenied',
        code: 'REGISTRY_DENIED',
        why: 'denies access to this user',
        hint: login,
      };
    case 404:
      return {
        kind: 'notFound',
        code: 'REGISTRY_NOT_FOUND',
        why: 'has no such image',
        hint: 'Check the name and the tag',
      };
    case 429:
      return {
        kind: 'exhausted',
        code: 'REGISTRY_RATE_LIMITED',
        why: 'allows no more requests for now',
        hint: `Try again later, log in (warren login ${host}), or configure a mirror`,
      };
    default:
      return {
        kind: status >= 500 ? 'unavailable' : 'invalidArgument',
        code: status >= 500 ? 'REGISTRY_FAILED' : 'REGISTRY_REFUSED',
        why: `answered with status ${status}`,
        hint: status >= 500 ? 'Try again later' : 'The registry may not support this',
      };
  }
}

/** `errors[].message` of the distribution API. */
function messageOf(body: string): string {
  let text = '';
  try {
    const parsed = JSON.parse(body) as { readonly errors?: readonly Record<string, unknown>[] };
    text = (parsed.errors ?? [])
      .map(({ code, message }) => [message, code].find((word) => typeof word === 'string') ?? '')
      .join('; ');
  } catch {
    // Not the API's own words: a proxy's page, which says nothing to a user.
    return '';
  }
  return text.replace(/[^\x20-\x7e]+/g, ' ').slice(0, 200);
}
