/**
 * The command line as a few files: Node takes 0.3 ms for each module that it loads, and `warren ps` needs 280 of ours. They are
 * CommonJS, because only such code can be kept compiled (src/cli/start). The library stays as tsc writes it. Measured:
 * docs/architecture.md.
 */

/** Only some commands want them: they stay where npm puts them. */
const apart = ['dockerode', 'hdr-histogram-js', 'undici'];

/** Packages that look for their native part from where they are installed, which the bundle is not. */
const installed = {
  'lmdb/native.js': [
    'import.meta.url',
    "require('node:url').pathToFileURL(require.resolve('lmdb')).href",
  ],
  'lmdb/open.js': [
    'import.meta.url',
    "require('node:url').pathToFileURL(require.resolve('lmdb')).href",
  ],
  'msgpackr/node-index.js': ['createRequire(import.meta.url)', 'require'],
  'fs-native-extensions/binding.js': ['__filename', "require.resolve('fs-native-extensions')"],
};

const nativeParts = {
  name: 'native-parts',
  transform(code, id) {
    const name = Object.keys(installed).find((file) => id.endsWith(`/node_modules/${file}`));
    if (name === undefined) return null;
    const [here, there] = installed[name];
    if (!code.includes(here)) this.error(`${name} does not use ${here} any more`);
    return { code: code.replaceAll(here, there), map: null };
  },
};

/** Decodes long strings faster, which are not in our records; a bundle cannot look for its native part. */
const withoutExtract = {
  name: 'without-msgpackr-extract',
  resolveId: (id) => (id === 'msgpackr-extract' ? '\0msgpackr-extract' : null),
  load: (id) => (id === '\0msgpackr-extract' ? 'module.exports = undefined;' : null),
};

const output = {
  format: 'cjs',
  entryFileNames: '[name].cjs',
  chunkFileNames: '[name].cjs',
  // V8 keeps a source of one byte for each character, and need not decode it.
  charset: 'ascii',
  comments: { legal: true, annotation: false, jsdoc: false },
  strict: true,
  dynamicImportInCjs: false,
  sourcemap: true,
  cleanDir: true,
};

export default [
  {
    input: { main: 'dist/cli/main.js' },
    platform: 'node',
    external: (id) => id.startsWith('node:') || apart.includes(id),
    plugins: [nativeParts, withoutExtract],
    // lmdb and msgpackr make functions for what they read.
    checks: { eval: false },
    output: { ...output, dir: 'dist/program' },
  },
  // What loads the others must not share a file with them; names of files there are those of commands.
  {
    input: { start: 'dist/cli/start/start.js' },
    platform: 'node',
    output: { ...output, dir: 'dist/start' },
  },
];
