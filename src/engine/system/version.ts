import { readFileSync } from 'node:fs';

/** Of package.json, which lies beside `dist` and beside `src`. */
export function packageVersion(): string {
  const text = readFileSync(new URL('../../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { readonly version: string }).version;
}
