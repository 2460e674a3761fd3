/**
 * The command line as a few files: Node takes 0.3 ms for each module that it loads, and `warren ps` needs 280 of ours. The
 * library stays as tsc writes it. Measured (docs/architecture.md): `warren ps` 4.0 → 2.5 times an empty node.
 */
export default {
  input: { main: 'dist/cli/main.js' },
  platform: 'node',
  // What npm installs stays where it is (some of it is native), but for what every start needs.
  external: (id) => /^[^./]/.test(id) && id !== 'commander',
  output: {
    dir: 'dist/program',
    format: 'esm',
    chunkFileNames: '[name].js',
    sourcemap: true,
    cleanDir: true,
  },
};
