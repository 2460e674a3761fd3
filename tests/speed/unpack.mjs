// How long it takes to unpack an image, beside others on the same machine in the same run.
//   node tests/speed/unpack.mjs [--runs N] [--seconds N] [--image NAME] [--from DATA_ROOT] [--directory DIR]
// Needs root, a build of this checkout, umoci, skopeo, podman and GNU tar, and 2 GB of space for each run. Prints a Markdown
// table: medians of the time that passed and of processor time (of all processes, with the kernel's share), how many
// cores that kept busy, and the ratio to the best of the others for the same work.
//
// ext4 gives no inode out again for a minute to five after it was freed, and looks at each of them whenever it makes a
// file near by: 9,000 files removed before make unpacking ten times as dear for the kernel. So nothing is removed before
// the end, what is unpacked goes to places of its own on the disk, and each round begins with another one. What earlier work
// left to write is on the disk before the next begins.
import { execFileSync, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

const repository = join(import.meta.dirname, '..', '..');
const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '5' },
    // No round begins later than this, but for the first that counts.
    seconds: { type: 'string', default: '300' },
    image: { type: 'string', default: 'debian' },
    directory: { type: 'string', default: tmpdir() },
    // A data root that has the image already.
    from: { type: 'string' },
  },
});
// Small letters only: podman takes a layout's path for a name.
const base = join(values.directory, `warren-unpack-${randomBytes(6).toString('hex')}`);
mkdirSync(base);
// Directories below it are spread over the disk; a file system that has no such flag needs it not.
spawnSync('chattr', ['+T', base], { stdio: 'ignore' });
const at = (...path) => join(base, ...path);
const warren = (dataRoot) => [
  process.execPath,
  join(repository, 'bin', 'warren.js'),
  ...['--data-root', dataRoot, '--run-dir', at('run'), '--cgroup-parent', '/warren-unpack'],
];

/** Removes a directory, and what a tool has left mounted below it. */
function remove(directory) {
  const points = readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[4] ?? '')
    .filter((point) => point.startsWith(`${directory}/`));
  for (const point of points.reverse()) execFileSync('umount', [point]);
  rmSync(directory, { recursive: true, force: true });
}

/** Seconds: elapsed, and of processor time, with what the command wrote to standard error. */
function timed(command) {
  execFileSync('sync');
  const script = 'TIMEFORMAT="timed %R %U %S"; time "$@" >/dev/null';
  const { status, stderr } = spawnSync('bash', ['-c', script, 'bash', ...command], {
    encoding: 'utf8',
    env: { ...process.env, LC_ALL: 'C' },
  });
  const match = /^timed (\S+) (\S+) (\S+)$/m.exec(stderr);
  if (status !== 0 || match === null) throw new Error(`${command.join(' ')}: ${stderr}`);
  const [elapsed, user, system] = match.slice(1).map(Number);
  return { elapsed, busy: user + system, stderr };
}

/** The layers of an image by the library, in a process that runs already: what a pull does when the blobs are there. */
const unpackInNode = `
  import { openStoreParts } from ${JSON.stringify(join(repository, 'dist/image/store/open-store.js'))};
  import { unpackMissing } from ${JSON.stringify(join(repository, 'dist/image/unpack-missing.js'))};
  import { run } from ${JSON.stringify(join(repository, 'dist/host/linux/run.js'))};
  const parts = await openStoreParts({ dataRoot: process.argv[1], host: { run } });
  const [image] = parts.catalog.list();
  const { user, system } = process.cpuUsage();
  const start = performance.now();
  await unpackMissing(parts, image);
  console.error('own', (performance.now() - start) / 1000, (user + system) / 1e6);
`;

const layout = at('layout');
const source = values.from ?? at('source');
const contenders = [
  {
    name: 'tar -xz',
    work: 'unpack',
    run: (to) => {
      mkdirSync(to);
      const words = blobs.map((blob) => `tar -xzf ${blob} --numeric-owner --xattrs -C ${to}`);
      return timed(['sh', '-c', words.join(' && ')]);
    },
  },
  {
    name: 'umoci unpack',
    work: 'unpack',
    run: (to) => timed(['umoci', 'unpack', '--image', `${layout}:image`, to]),
  },
  {
    name: 'Warren, library',
    work: 'unpack',
    run: (to) => {
      execFileSync('cp', ['-a', at('packed'), to]);
      const args = ['--input-type=module', '-e', unpackInNode, to];
      const { busy, stderr } = timed([process.execPath, ...args]);
      const [elapsed, before] = /^own (\S+) (\S+)$/m.exec(stderr).slice(1).map(Number);
      return { elapsed, busy: busy - before };
    },
  },
  {
    name: 'skopeo copy, umoci unpack',
    work: 'pull',
    run: (to) => {
      const copy = `skopeo copy oci:${layout}:image oci:${to}/layout:image`;
      const unpack = `umoci unpack --image ${to}/layout:image ${to}/bundle`;
      return timed(['sh', '-c', `mkdir ${to} && ${copy} && ${unpack}`]);
    },
  },
  {
    name: 'podman pull',
    work: 'pull',
    run: (to) => {
      const storage = ['--root', `${to}/root`, '--runroot', `${to}/run`];
      return timed(['podman', ...storage, '--tmpdir', `${to}/tmp`, 'pull', `oci:${layout}:image`]);
    },
  },
  {
    name: 'warren pull',
    work: 'pull',
    run: (to) => timed([...warren(to), 'pull', '-q', `oci:${layout}:image`]),
  },
];

function median(numbers) {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}

let blobs = [];

function prepare() {
  if (values.from === undefined) {
    const [file, ...args] = warren(source);
    execFileSync(file, [...args, 'image', 'build-base', values.image], { stdio: 'ignore' });
  }
  const [file, ...args] = warren(source);
  execFileSync(file, [...args, 'push', '-q', values.image, `oci:${layout}:image`]);
  const document = (path) => JSON.parse(readFileSync(path, 'utf8'));
  const blob = ({ digest }) => join(layout, 'blobs', 'sha256', digest.slice(7));
  const manifest = document(blob(document(join(layout, 'index.json')).manifests[0]));
  blobs = manifest.layers.map(blob);
  // A data root with the blobs and nothing unpacked.
  const [program, ...more] = warren(at('packed'));
  execFileSync(program, [...more, 'pull', '-q', `oci:${layout}:image`]);
  renameSync(at('packed', 'layers'), at('unpacked'));
  mkdirSync(at('packed', 'layers'));
}

function measure() {
  const results = new Map(contenders.map((each) => [each, []]));
  const end = performance.now() + 1000 * Number(values.seconds);
  const goesOn = (run) => run <= Number(values.runs) && (run < 2 || performance.now() < end);
  for (let run = 0; goesOn(run); run += 1) {
    const first = run % contenders.length;
    for (const each of [...contenders.slice(first), ...contenders.slice(0, first)]) {
      const time = each.run(at(`out-${run}-${contenders.indexOf(each)}`));
      // The first round only warms up.
      const cores = time.busy / time.elapsed;
      if (run > 0) results.get(each).push({ ...time, cores });
      console.error(`${run} ${each.name}: ${time.elapsed.toFixed(2)} s, ${cores.toFixed(2)} cores`);
    }
  }
  return results;
}

function print(results) {
  const of = (each, key) => median(results.get(each).map((time) => time[key]));
  const isOwn = ({ name }) => name.toLowerCase().startsWith('warren');
  console.log('| work | by | median | processor time | cores busy | to the best other |');
  console.log('|---|---|---|---|---|---|');
  for (const each of contenders) {
    const others = contenders.filter((other) => other.work === each.work && !isOwn(other));
    const best = Math.min(...others.map((other) => of(other, 'elapsed')));
    const elapsed = of(each, 'elapsed');
    const cells = [
      each.work,
      each.name,
      `${elapsed.toFixed(2)} s`,
      `${of(each, 'busy').toFixed(2)} s`,
      of(each, 'cores').toFixed(2),
      `${(elapsed / best).toFixed(2)} ×`,
    ];
    console.log(`| ${cells.join(' | ')} |`);
  }
}

try {
  prepare();
  print(measure());
} finally {
  remove(base);
}
