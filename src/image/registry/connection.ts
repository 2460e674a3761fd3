import { setTimeout as delay } from 'node:timers/promises';
import type { Readable } from 'node:stream';
import { canceledError } from '../../base/abort.js';
import { errnoOf } from '../../base/errors.js';
import { packageVersion } from '../../base/package.js';
import { Authorizer } from './authorizer.js';
import type { Credentials } from './credentials.js';
import type { Endpoint } from './endpoint.js';
import { connectionError, isDistrusted, refusalError, type Attempt } from './failure.js';

export interface RegistryRequest {
  /** What is being done, for messages: `pull busybox:latest`. */
  readonly what: string;
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PATCH' | 'PUT' | 'DELETE';
  /** `/v2/…`, or a whole address that the registry gave. */
  readonly target: string;
  /** What a token must allow: `repository:library/busybox:pull`. */
  readonly scope: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Made anew for each try. */
  readonly body?: () => Buffer | Readable;
  /** @default true: what fails on the way is tried again */
  readonly retry?: boolean;
  readonly signal?: AbortSignal;
}

export interface RegistryResponse {
  readonly status: number;
  header(name: string): string | null;
  /** Must be read to its end, or destroyed. */
  readonly body: Readable;
  /** Of the last redirection. */
  readonly url: URL;
}

const maximumTries = 5;
const firstPauseMs = 200;
const longestPauseMs = 20_000;
const maximumRedirects = 5;
const maximumErrorBytes = 64 * 1024;
const passingStatuses = new Set([408, 429, 500, 502, 503, 504]);
const passingErrors = new Set([
  'ECONNRESET',
  'ECONNREFUSED',
  'EPIPE',
  'ETIMEDOUT',
  'EAI_AGAIN',
  'ENETUNREACH',
  'EHOSTUNREACH',
  'UND_ERR_SOCKET',
  'UND_ERR_CONNECT_TIMEOUT',
  'UND_ERR_HEADERS_TIMEOUT',
  'UND_ERR_BODY_TIMEOUT',
]);

/** True for failures that may be gone the next time. */
export function isPassing(error: unknown): boolean {
  return passingErrors.has(errnoOf(error) ?? '');
}

/** Requests to one endpoint: with tokens, redirections, and more tries where a failure may pass. */
export class RegistryConnection {
  readonly endpoint: Endpoint;
  private readonly authorizer: Authorizer;
  private origin: string | undefined;

  constructor(endpoint: Endpoint, find: () => Promise<Credentials | null>) {
    this.endpoint = endpoint;
    this.authorizer = new Authorizer(find, async ({ url, authorization, form }) => {
      const response = await this.tries({
        what: `get a token from ${url.host}`,
        method: form === null ? 'GET' : 'POST',
        target: url.href,
        scope: '',
        headers: {
          ...(authorization === null ? {} : { authorization }),
          ...(form === null ? {} : { 'content-type': 'application/x-www-form-urlencoded' }),
        },
        ...(form === null ? {} : { body: () => Buffer.from(form.toString()) }),
      });
      const text = await readText(response.body);
      const attempt = { what: 'get a token', host: this.endpoint.host };
      if (response.status !== 200) {
        throw refusalError(attempt, { status: response.status, body: text });
      }
      return parseAnswer(text);
    });
  }

  /**
   * Sends a request; what the registry answers is for the caller to judge, but for what may pass.
   * @throws WarrenError unavailable (REGISTRY_UNREACHABLE, REGISTRY_TLS), permissionDenied, canceled
   */
  async send(request: RegistryRequest): Promise<RegistryResponse> {
    let authorization = this.authorizer.known(request.scope);
    for (let challenged = false; ; challenged = true) {
      const headers = { ...request.headers, ...(authorization === null ? {} : { authorization }) };
      const response = await this.tries({ ...request, headers });
      const header = response.header('www-authenticate');
      if (response.status !== 401 || challenged || header === null) return response;
      authorization = await this.authorizer.answer(header, request.scope, {
        encrypted: response.url.protocol === 'https:',
      });
      if (authorization === null) return response;
      await drain(response.body);
    }
  }

  /** As {@link send}; any status but these is an error. */
  async expect(request: RegistryRequest, statuses: readonly number[]): Promise<RegistryResponse> {
    const response = await this.send(request);
    if (statuses.includes(response.status)) return response;
    throw refusalError(this.attempt(request), {
      status: response.status,
      body: await readText(response.body),
    });
  }

  attempt({ what }: Pick<RegistryRequest, 'what'>): Attempt {
    return { what, host: this.endpoint.host };
  }

  /** More tries, with pauses that grow. */
  private async tries(request: RegistryRequest): Promise<RegistryResponse> {
    for (let count = 1; ; count += 1) {
      const last = count === maximumTries || request.retry === false;
      let pauseMs = Math.min(firstPauseMs * 2 ** (count - 1), longestPauseMs);
      pauseMs *= 0.75 + Math.random() / 2;
      try {
        const response = await this.redirected(request);
        if (last || !passingStatuses.has(response.status)) return response;
        const wished = Number(response.header('retry-after') ?? '') * 1000;
        if (wished > longestPauseMs) return response;
        if (wished > 0) pauseMs = wished;
        await drain(response.body);
      } catch (error) {
        if (request.signal?.aborted === true) throw canceledError(request.what, request.signal);
        if (last || !isPassing(error)) {
          throw errnoOf(error) === undefined
            ? error
            : connectionError(this.attempt(request), error);
        }
      }
      await this.pause(request, pauseMs);
    }
  }

  private async pause({ what, signal }: RegistryRequest, ms: number): Promise<void> {
    try {
      await delay(ms, undefined, signal === undefined ? {} : { signal });
    } catch (error) {
      if (signal?.aborted === true) throw canceledError(what, signal);
      throw error;
    }
  }

  private async redirected(request: RegistryRequest): Promise<RegistryResponse> {
    const first = await this.first(request);
    let response = first;
    for (let count = 0; count < maximumRedirects; count += 1) {
      const location = response.header('location');
      const moved = [301, 302, 303, 307, 308].includes(response.status) && location !== null;
      if (!moved || request.method !== 'GET') return response;
      const url = new URL(location, response.url);
      await drain(response.body);
      if (url.protocol !== 'https:' && first.url.protocol === 'https:') {
        throw refusalError(this.attempt(request), {
          status: 502,
          body: JSON.stringify({
            errors: [{ message: `it leads to ${url.host} without encryption` }],
          }),
        });
      }
      const { authorization, ...headers } = request.headers ?? {};
      const same = url.origin === first.url.origin && authorization !== undefined;
      response = await this.once(url, {
        ...request,
        headers: same ? { ...headers, authorization } : headers,
      });
    }
    return response;
  }

  /** The first request finds out which way the endpoint speaks. */
  private async first(request: RegistryRequest): Promise<RegistryResponse> {
    if (URL.canParse(request.target)) return await this.once(new URL(request.target), request);
    const origins = this.origin === undefined ? this.endpoint.origins : [this.origin];
    for (const [index, origin] of origins.entries()) {
      try {
        const response = await this.once(new URL(request.target, origin), request);
        this.origin = origin;
        return response;
      } catch (error) {
        if (index === origins.length - 1 || request.signal?.aborted === true) throw error;
        if (errnoOf(error) === undefined || isDistrusted(error)) throw error;
      }
    }
    throw new Error('An endpoint has an origin');
  }

  private async once(url: URL, request: RegistryRequest): Promise<RegistryResponse> {
    const { request: send } = await import('undici');
    const body = request.body?.();
    const {
      statusCode,
      headers,
      body: answer,
    } = await send(url, {
      method: request.method,
      dispatcher: this.endpoint.dispatcher,
      headers: { 'user-agent': `warren/${packageVersion()}`, ...request.headers },
      ...(body === undefined ? {} : { body }),
      ...(request.signal === undefined ? {} : { signal: request.signal }),
    });
    return {
      status: statusCode,
      body: answer,
      url,
      header: (name) => {
        const value = headers[name];
        return (Array.isArray(value) ? value.join(', ') : value) ?? null;
      },
    };
  }
}

function parseAnswer(text: string): { readonly token?: unknown; readonly access_token?: unknown } {
  try {
    const parsed: unknown = JSON.parse(text);
    return typeof parsed === 'object' && parsed !== null ? parsed : {};
  } catch {
    // Whoever asked says that there is no token in it.
    return {};
  }
}

/** The start of a body as text; the rest is dropped. */
export async function readText(body: Readable, limit: number = maximumErrorBytes): Promise<string> {
  return (await readLimited(body, limit)).toString('utf8');
}

/** At most `limit` bytes; the rest is dropped. */
export async function readLimited(body: Readable, limit: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    size += chunk.length;
    if (size > limit) break;
  }
  return Buffer.concat(chunks).subarray(0, limit);
}

/** Lets go of an answer that nobody needs. */
export async function drain(body: Readable): Promise<void> {
  await readLimited(body, maximumErrorBytes);
}
