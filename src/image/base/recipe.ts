import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { packageRoot } from '../../base/package.js';
import { WarrenError } from '../../base/errors.js';
import type { OciExecutionConfig } from '../oci.js';

export type RecipeSource =
  /** The package's own multi-call program. */
  | { readonly kind: 'warren-init'; readonly target: string }
  /** Files of a Debian package: the installed one, else downloaded. */
  | {
      readonly kind: 'deb-package';
      readonly package: string;
      readonly files: readonly { readonly from: string; readonly to: string }[];
      /** A program among the files that prints the names under which it wants to be linked. */
      readonly links?: { readonly program: string; readonly arguments: readonly string[] };
    }
  | {
      readonly kind: 'mmdebstrap';
      readonly suite: string;
      readonly variant: string;
      readonly components: readonly string[];
      /** Packages besides those of the variant. @default none */
      readonly include?: readonly string[];
    };

/** How a built-in image is made: `images/<name>/recipe.json`. Paths are absolute inside the image. */
export interface Recipe {
  readonly name: string;
  readonly description: string;
  readonly source: RecipeSource;
  /** Modes are octal text. */
  readonly directories: readonly { readonly path: string; readonly mode?: string }[];
  readonly files: readonly {
    readonly path: string;
    readonly content: string;
    readonly mode?: string;
  }[];
  readonly links: readonly { readonly path: string; readonly target: string }[];
  readonly config: OciExecutionConfig;
}

/** Both of `src/image` and of `dist/image`, the package's root is two levels up. */
const builtInRecipes = join(packageRoot, 'images');

/** Names of the images that {@link readRecipe} knows without a folder. */
export function builtInNames(): readonly string[] {
  if (!existsSync(builtInRecipes)) return [];
  return readdirSync(builtInRecipes)
    .filter((name) => existsSync(join(builtInRecipes, name, 'recipe.json')))
    .sort();
}

/**
 * The recipe in `folder`, or the built-in one of that name. Throws notFound (RECIPE_NOT_FOUND) and
 * invalidArgument (INVALID_RECIPE).
 */
export function readRecipe(name: string, folder?: string): Recipe {
  if (folder === undefined && !builtInNames().includes(name)) {
    throw new WarrenError(
      'notFound',
      'RECIPE_NOT_FOUND',
      `Cannot build image ${name}: there is no built-in recipe of this name`,
      { hint: `Built-in images: ${builtInNames().join(', ')}` },
    );
  }
  const path = join(folder ?? join(builtInRecipes, name), 'recipe.json');
  let parsed: unknown;
  try {
    parsed = JSON.parse(readFileSync(path, 'utf8'));
  } catch (cause) {
    throw new WarrenError('invalidArgument', 'INVALID_RECIPE', `Cannot read recipe ${path}`, {
      cause,
    });
  }
  return checkRecipe(parsed, basename(path) === path ? name : path);
}

const checks: readonly (readonly [field: string, rule: (recipe: Recipe) => boolean])[] = [
  ['name', ({ name }) => typeof name === 'string' && /^[a-z0-9][a-z0-9._-]*$/.test(name)],
  ['source', ({ source }) => isSource(source)],
  ['directories', ({ directories }) => isListOf(directories, hasPath)],
  [
    'files',
    ({ files }) => isListOf(files, (file) => hasPath(file) && typeof file.content === 'string'),
  ],
  [
    'links',
    ({ links }) => isListOf(links, (link) => hasPath(link) && typeof link.target === 'string'),
  ],
  ['config', ({ config }) => typeof config === 'object'],
];

function checkRecipe(parsed: unknown, path: string): Recipe {
  const recipe = (typeof parsed === 'object' && parsed !== null ? parsed : {}) as Recipe;
  for (const [field, rule] of checks) {
    if (rule(recipe)) continue;
    throw new WarrenError(
      'invalidArgument',
      'INVALID_RECIPE',
      `Cannot use recipe ${path}: field ${field} is missing or wrong`,
    );
  }
  return recipe;
}

/** Debian policy, 5.6.1. */
const packageName = /^[a-z0-9][a-z0-9+.-]+$/;

function isSource(source: RecipeSource | undefined): boolean {
  switch (source?.kind) {
    case 'warren-init':
      return typeof source.target === 'string';
    case 'deb-package':
      return packageName.test(source.package) && Array.isArray(source.files);
    case 'mmdebstrap':
      return (
        [source.suite, source.variant, ...source.components].every((word) =>
          /^[a-z0-9][a-z0-9._/-]*$/.test(word),
        ) && isListOf(source.include ?? [], (name) => packageName.test(name))
      );
    case undefined:
      return false;
    default:
      return false;
  }
}

function isListOf<T>(list: readonly T[] | undefined, rule: (item: T) => boolean): boolean {
  return Array.isArray(list) && list.every((item: T) => rule(item));
}

function hasPath(entry: { readonly path: string }): boolean {
  return (
    typeof entry.path === 'string' &&
    entry.path.startsWith('/') &&
    !entry.path.split('/').includes('..')
  );
}
