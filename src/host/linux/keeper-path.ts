import { accessSync, constants, existsSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../base/package.js';
import { WarrenError } from '../../base/errors.js';
import { run } from './run.js';

export interface KeeperPathOptions {
  /** @default process.env */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** @default process.arch */
  readonly architecture?: string;
  /** The package's folder. */
  readonly root?: string;
}

/** The environment variable that names another keeper program. */
const variable = 'WARREN_KEEPER';

/**
 * The keeper's program: what WARREN_KEEPER names, else the one in the package. Throws `notFound` (KEEPER_MISSING),
 * `permissionDenied` (KEEPER_NOT_EXECUTABLE).
 */
export function keeperPath(options: KeeperPathOptions = {}): string {
  const environment = options.environment ?? process.env;
  const architecture = options.architecture ?? process.arch;
  const root = options.root ?? packageRoot;
  const named = environment[variable];
  const path =
    named !== undefined && named !== ''
      ? named
      : join(root, 'dist', 'native', `linux-${architecture}`, 'warren-keeper');
  if (!existsSync(path)) {
    throw new WarrenError(
      'notFound',
      'KEEPER_MISSING',
      `Cannot find the keeper for linux-${architecture}: ${path} does not exist`,
      {
        hint:
          path === named
            ? `Correct ${variable}, or unset it.`
            : `Build it with: make -C ${join(root, 'src', 'keeper')}`,
        details: { path },
      },
    );
  }
  checkExecutable(path);
  return path;
}

function checkExecutable(path: string): void {
  try {
    accessSync(path, constants.X_OK);
  } catch (cause) {
    throw new WarrenError(
      'permissionDenied',
      'KEEPER_NOT_EXECUTABLE',
      `Cannot run the keeper: ${path} is not executable`,
      {
        hint: `Some tool has lost its permissions: chmod 755 ${path}`,
        cause,
        details: { path },
      },
    );
  }
}

export interface KeeperVersion {
  readonly version: string;
  readonly protocolMinimum: number;
  readonly protocolMaximum: number;
}

/** Asks the program for its version. Throws `corrupt` (KEEPER_DAMAGED) when it does not answer as a keeper does. */
export async function keeperVersion(path: string): Promise<KeeperVersion> {
  const { stdout, code } = await run(path, ['--version']);
  const match = /^warren-keeper (\S+) protocol (\d+)-(\d+)$/.exec(stdout.trim());
  if (code !== 0 || match === null) {
    throw new WarrenError(
      'corrupt',
      'KEEPER_DAMAGED',
      `Cannot use the keeper ${path}: it does not tell its version`,
      {
        hint: 'Build or install it again.',
        details: { path },
      },
    );
  }
  const [, version = '', minimum, maximum] = match;
  return { version, protocolMinimum: Number(minimum), protocolMaximum: Number(maximum) };
}
