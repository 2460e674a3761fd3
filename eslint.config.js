import tseslint from 'typescript-eslint';

/**
 * Modules that only some folders may import, and why. tests/architecture.test.ts enforces the same
 * table on the text of the sources; the linter shows it in the editor.
 */
const restrictedModules = [
  {
    modules: ['node:child_process', 'child_process'],
    folders: ['src/host/linux/**', 'src/density/peers/**'],
    message: 'Only host/linux and density/peers start processes.',
  },
  {
    modules: ['commander'],
    folders: ['src/cli/**'],
    message: 'Only the command line parses arguments.',
  },
  {
    modules: ['tar-fs'],
    folders: ['src/image/**', 'src/storage/**'],
    message: 'Archives belong to image/ and storage/.',
  },
  {
    modules: ['lmdb'],
    folders: ['src/records/**'],
    message: 'The database belongs to records/.',
  },
  {
    modules: ['dockerode'],
    folders: ['src/image/**', 'src/density/peers/**'],
    message: 'Warren is a client of a Docker Engine only to import images and to measure it.',
  },
];

/** Flat config replaces a rule's options, so each folder gets the list without its own modules. */
function restrictedImportsFor(folder) {
  const paths = restrictedModules
    .filter((restriction) => folder === undefined || !restriction.folders.includes(folder))
    .flatMap(({ modules, message }) => modules.map((name) => ({ name, message })));
  return ['error', { paths }];
}

const restrictedFolders = [...new Set(restrictedModules.flatMap(({ folders }) => folders))];

export default tseslint.config(
  {
    ignores: [
      'build/**',
      'dist/**',
      'coverage/**',
      'node_modules/**',
      'src/keeper/**',
      'images/**',
    ],
  },
  ...tseslint.configs.recommendedTypeChecked,
  {
    languageOptions: {
      parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname },
    },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true },
      ],
      '@typescript-eslint/only-throw-error': 'error',
      '@typescript-eslint/return-await': ['error', 'error-handling-correctness-only'],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-import-type-side-effects': 'error',
      '@typescript-eslint/prefer-readonly': 'error',
      '@typescript-eslint/require-await': 'off',
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true, allowBoolean: false, allowNullish: false },
      ],
      '@typescript-eslint/no-unused-vars': [
        'error',
        { argsIgnorePattern: '^_', varsIgnorePattern: '^_' },
      ],
      eqeqeq: 'error',
      'prefer-const': 'error',
      'max-lines': ['error', { max: 500 }],
      'max-lines-per-function': ['error', { max: 80, skipBlankLines: true, skipComments: true }],
      'max-params': ['error', { max: 3 }],
    },
  },
  {
    files: ['src/**/*.ts'],
    rules: {
      'no-console': 'error',
      'no-restricted-imports': restrictedImportsFor(undefined),
      'no-restricted-properties': [
        'error',
        { object: 'AbortSignal', property: 'any', message: 'Node 20 may collect it: LinkedAbort.' },
      ],
    },
  },
  ...restrictedFolders.map((folder) => ({
    files: [folder],
    rules: { 'no-restricted-imports': restrictedImportsFor(folder) },
  })),
  { files: ['src/cli/**/*.ts'], rules: { 'no-console': 'off' } },
  {
    // The way to the bundled program, which is CommonJS.
    files: ['bin/*.js', 'src/cli/start/start.ts'],
    rules: { '@typescript-eslint/no-require-imports': 'off' },
  },
  {
    // A describe block is a list of tests, not a function that someone has to hold in mind.
    files: ['tests/**/*.ts'],
    rules: {
      'max-lines-per-function': 'off',
      '@typescript-eslint/restrict-template-expressions': 'off',
    },
  },
  {
    files: ['**/*.js', '**/*.mjs'],
    ...tseslint.configs.disableTypeChecked,
  },
);
