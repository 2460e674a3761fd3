import { arch } from 'node:os';
import { join } from 'node:path';
import { defineConfig, type ViteUserConfig } from 'vitest/config';
import { vmSuite } from './tests/vm/suite.js';

type Project = NonNullable<NonNullable<ViteUserConfig['test']>['projects']>[number];

const seconds = 1000;

interface RootSuite {
  readonly name: string;
  readonly include: string[];
  /** Suites run one group after the other; a group has one degree of parallelism. */
  readonly groupOrder: number;
  readonly timeoutMs: number;
  /** It runs in the virtual machine. @default false */
  readonly emulated?: boolean;
  /** With the keeper that has address and undefined-behaviour checks. @default false */
  readonly sanitized?: boolean;
}

const sanitizedKeeper = {
  WARREN_KEEPER: join(
    import.meta.dirname,
    ...['dist', 'native', `linux-${arch()}`, 'asan', 'warren-keeper'],
  ),
};

/**
 * Under emulation, transforming and loading modules takes longer than the tests: `vitest list` on
 * the host has transformed them all, and every file shares those that are loaded.
 */
const sharedModules = {
  isolate: false,
  experimental: { fsModuleCache: true, fsModuleCachePath: 'build/vitest-cache' },
};

/** A project that touches the kernel: one file at a time, on a fresh build, leaving no residue. */
function rootSuite(suite: RootSuite): Project {
  const { name, include, groupOrder, timeoutMs, emulated, sanitized } = suite;
  const setup = sanitized === true ? ['tests/setup/sanitized-keeper.ts'] : [];
  return {
    extends: true,
    test: {
      name,
      include,
      fileParallelism: false,
      globalSetup: ['tests/setup/build.ts', ...setup, 'tests/setup/residue.ts'],
      ...(sanitized === true ? { env: sanitizedKeeper } : {}),
      sequence: { groupOrder },
      testTimeout: timeoutMs,
      hookTimeout: timeoutMs,
      ...(emulated === true ? sharedModules : {}),
    },
  };
}

function folder(name: string): string[] {
  return [`tests/${name}/**/*.test.ts`];
}

/** Integration tests in which the keeper does what it can do. */
const sanitizedSuite = ['core', 'engine', 'host', 'isolation'].flatMap((name) =>
  folder(`integration/${name}`),
);

const config: ViteUserConfig = defineConfig({
  test: {
    globals: false,
    retry: 0,
    // The machine's own tables of nftables and settings are left alone; tests of those make a network namespace.
    env: { WARREN_HOST_NAT: '0', WARREN_DEFAULT_NETWORK: 'none' },
    pool: 'forks',
    reporters: [
      'default',
      './tests/setup/skip-reporter.ts',
      './tests/setup/last-words-reporter.ts',
    ],
    coverage: { include: ['src/**/*.ts'] },
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: [...folder('unit'), 'tests/architecture.test.ts'],
          testTimeout: 30 * seconds,
        },
      },
      {
        extends: true,
        test: {
          name: 'keeper',
          include: folder('keeper'),
          globalSetup: ['tests/setup/build.ts', 'tests/setup/residue.ts'],
          sequence: { groupOrder: 1 },
          testTimeout: 30 * seconds,
          hookTimeout: 60 * seconds,
        },
      },
      rootSuite({
        name: 'conformance',
        include: folder('conformance'),
        groupOrder: 2,
        timeoutMs: 30 * seconds,
      }),
      rootSuite({
        name: 'integration',
        include: folder('integration'),
        groupOrder: 3,
        timeoutMs: 30 * seconds,
      }),
      rootSuite({
        name: 'sanitized',
        include: ['tests/keeper/core/**/*.test.ts', ...sanitizedSuite],
        groupOrder: 4,
        timeoutMs: 60 * seconds,
        sanitized: true,
      }),
      rootSuite({
        name: 'compat',
        include: folder('compat'),
        groupOrder: 5,
        timeoutMs: 60 * seconds,
      }),
      rootSuite({ name: 'e2e', include: folder('e2e'), groupOrder: 6, timeoutMs: 60 * seconds }),
      rootSuite({
        name: 'faults',
        include: folder('faults'),
        groupOrder: 7,
        timeoutMs: 120 * seconds,
      }),
      rootSuite({
        name: 'v2',
        include: vmSuite,
        groupOrder: 8,
        timeoutMs: 120 * seconds,
        emulated: true,
      }),
      rootSuite({
        name: 'density',
        include: folder('density'),
        groupOrder: 9,
        timeoutMs: 1800 * seconds,
      }),
    ],
  },
});

export default config;
