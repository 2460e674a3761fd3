/** `NAME=value` lines of a list or an object. */
export function environmentLines(
  environment: readonly string[] | Readonly<Record<string, string>> | undefined,
): readonly string[] {
  if (environment === undefined) return [];
  if (Array.isArray(environment)) return environment as readonly string[];
  return Object.entries(environment).map(([name, value]) => `${name}=${value}`);
}

/** Later lines replace earlier ones in place; a bare `NAME` removes the variable (Docker's rule for `--env NAME` unset). */
export function mergeEnvironment(
  base: readonly string[],
  added: readonly string[],
): readonly string[] {
  const merged = new Map<string, string>();
  for (const line of [...base, ...added]) {
    const equals = line.indexOf('=');
    if (equals < 0) merged.delete(line);
    else merged.set(line.slice(0, equals), line);
  }
  return [...merged.values()];
}
