/** How a registry wants to be told who asks (RFC 9110, WWW-Authenticate). */
export type Challenge =
  | { readonly scheme: 'basic' }
  | {
      readonly scheme: 'bearer';
      readonly realm: string;
      readonly service: string | null;
      readonly scope: string | null;
    };

const parameterPattern = /\s*([A-Za-z0-9_-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))\s*(?:,|$)/y;

/** The challenges of a header that can be answered; others are left out. */
export function parseChallenges(header: string): readonly Challenge[] {
  const challenges: Challenge[] = [];
  let rest = header;
  while (rest !== '') {
    const scheme = /^[\s,]*([A-Za-z0-9_-]+)(?:\s+|$)/.exec(rest);
    if (scheme === null) break;
    rest = rest.slice(scheme[0].length);
    const { parameters, length } = parametersOf(rest);
    rest = rest.slice(length);
    const challenge = challengeOf((scheme[1] ?? '').toLowerCase(), parameters);
    if (challenge !== null) challenges.push(challenge);
  }
  return challenges;
}

function parametersOf(text: string): {
  readonly parameters: ReadonlyMap<string, string>;
  readonly length: number;
} {
  const parameters = new Map<string, string>();
  const pattern = new RegExp(parameterPattern);
  let length = 0;
  for (;;) {
    pattern.lastIndex = length;
    const match = pattern.exec(text);
    if (match === null) return { parameters, length };
    const value = match[2]?.replace(/\\(.)/g, '$1') ?? match[3] ?? '';
    parameters.set((match[1] ?? '').toLowerCase(), value);
    length = pattern.lastIndex;
  }
}

function challengeOf(scheme: string, parameters: ReadonlyMap<string, string>): Challenge | null {
  if (scheme === 'basic') return { scheme };
  const realm = parameters.get('realm');
  if (scheme !== 'bearer' || realm === undefined) return null;
  return {
    scheme,
    realm,
    service: parameters.get('service') ?? null,
    scope: parameters.get('scope') ?? null,
  };
}
