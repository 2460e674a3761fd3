import { WarrenError } from '../../base/errors.js';
import { parseChallenges, type Challenge } from './challenge.js';
import type { Credentials } from './credentials.js';

type Bearer = Extract<Challenge, { readonly scheme: 'bearer' }>;

/** Asks a token server. Throws WarrenErrors of its own kind for answers that are no success. */
export type AskTokenServer = (request: {
  readonly url: URL;
  readonly authorization: string | null;
  /** Of a POST; null: GET. */
  readonly form: URLSearchParams | null;
}) => Promise<{ readonly token?: unknown; readonly access_token?: unknown }>;

/** Answers the challenges of one endpoint; tokens are kept by scope until the registry refuses them. */
export class Authorizer {
  private readonly headers = new Map<string, string>();
  private readonly find: () => Promise<Credentials | null>;
  private readonly ask: AskTokenServer;
  private credentials: Promise<Credentials | null> | undefined;

  constructor(find: () => Promise<Credentials | null>, ask: AskTokenServer) {
    this.find = find;
    this.ask = ask;
  }

  /** For the first try at a request of this scope; null: send none. */
  known(scope: string): string | null {
    return this.headers.get(scope) ?? null;
  }

  /**
   * The header that answers a refusal.
   * @throws WarrenError permissionDenied when nothing can answer it
   */
  async answer(
    challengeHeader: string,
    scope: string,
    { encrypted }: { readonly encrypted: boolean },
  ): Promise<string | null> {
    this.headers.delete(scope);
    const challenges = parseChallenges(challengeHeader);
    const bearer = challenges.find((each): each is Bearer => each.scheme === 'bearer');
    this.credentials ??= this.find();
    const credentials = await this.credentials;
    const header =
      bearer === undefined
        ? basicHeader(challenges, credentials)
        : await this.bearerHeader(bearer, { scope, credentials, encrypted });
    if (header !== null) this.headers.set(scope, header);
    return header;
  }

  private async bearerHeader(
    challenge: Bearer,
    request: {
      readonly scope: string;
      readonly credentials: Credentials | null;
      readonly encrypted: boolean;
    },
  ): Promise<string> {
    const { credentials } = request;
    if (!URL.canParse(challenge.realm)) throw noToken(`its token server has no address`);
    const url = new URL(challenge.realm);
    if (url.protocol !== 'https:' && (request.encrypted || url.protocol !== 'http:')) {
      throw noToken(`its token server ${url.host} is reached without encryption`);
    }
    const scope = challenge.scope ?? request.scope;
    const answer =
      credentials?.kind === 'identity'
        ? await this.ask({
            url,
            authorization: null,
            form: refreshForm(challenge, scope, credentials.token),
          })
        : await this.ask({
            url: withQuery(url, { service: challenge.service, scope }),
            authorization: credentials === null ? null : basic(credentials),
            form: null,
          });
    const token = answer.token ?? answer.access_token;
    if (typeof token !== 'string' || token === '') throw noToken('its token server gave none');
    return `Bearer ${token}`;
  }
}

function basicHeader(
  challenges: readonly Challenge[],
  credentials: Credentials | null,
): string | null {
  const asked = challenges.some(({ scheme }) => scheme === 'basic');
  return asked && credentials?.kind === 'password' ? basic(credentials) : null;
}

function basic({ username, password }: Extract<Credentials, { kind: 'password' }>): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}

function refreshForm(challenge: Bearer, scope: string, token: string): URLSearchParams {
  return new URLSearchParams({
    grant_type: 'refresh_token',
    service: challenge.service ?? '',
    scope,
    client_id: 'warren',
    refresh_token: token,
  });
}

/** Scopes are given one by one, as the token specification wants it. */
function withQuery(
  url: URL,
  { service, scope }: { readonly service: string | null; readonly scope: string },
): URL {
  const result = new URL(url);
  if (service !== null) result.searchParams.set('service', service);
  for (const one of scope.split(' ').filter((part) => part !== '')) {
    result.searchParams.append('scope', one);
  }
  return result;
}

function noToken(why: string): WarrenError {
  return new WarrenError(
    'permissionDenied',
    'REGISTRY_UNAUTHORIZED',
    `Cannot get a token for the registry: ${why}`,
  );
}
