import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

function enclosingPackage(directory: string): string {
  if (existsSync(join(directory, 'package.json'))) return directory;
  const parent = dirname(directory);
  if (parent === directory) throw new Error('No package.json above the program');
  return enclosingPackage(parent);
}

/** The folder of this package, of a checkout as of an installation. It is looked for: bundles change how deep a module lies. */
export const packageRoot: string = enclosingPackage(import.meta.dirname);

let version: string | undefined;

/** The version in package.json. */
export function packageVersion(): string {
  if (version === undefined) {
    const text = readFileSync(join(packageRoot, 'package.json'), 'utf8');
    ({ version } = JSON.parse(text) as { readonly version: string });
  }
  return version;
}
