import { execFileSync, spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import {
  chmodSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { arch, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { describeAsRoot } from '../privileges.js';

const repository = join(import.meta.dirname, '..', '..');
const init = join(repository, 'dist', 'native', `linux-${arch()}`, 'warren-init');
const started = new Set<ChildProcess>();
let directory: string;

beforeAll(() => {
  execFileSync('make', ['-s', '-C', join(repository, 'src', 'keeper', 'init')]);
  directory = mkdtempSync(join(tmpdir(), 'wrn-init-test-'));
});

afterAll(() => {
  rmSync(directory, { recursive: true });
});

afterEach(() => {
  for (const child of started) child.kill('SIGKILL');
  started.clear();
});

interface Outcome {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function run(args: readonly string[], env: Record<string, string> = {}): Outcome {
  const { status, stdout, stderr } = spawnSync(init, args, {
    encoding: 'utf8',
    env: { PATH: '/usr/bin:/bin', ...env },
  });
  return { status, stdout, stderr };
}

/** A started program whose lines can be waited for. */
class Running {
  readonly child: ChildProcess;
  private readonly lines: AsyncIterableIterator<string>;

  constructor(command: string, args: readonly string[]) {
    this.child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    started.add(this.child);
    if (this.child.stdout === null) throw new Error('stdout is a pipe');
    this.lines = createInterface({ input: this.child.stdout })[Symbol.asyncIterator]();
  }

  async line(): Promise<string> {
    const next = await this.lines.next();
    if (next.done === true) throw new Error('the program ended');
    return next.value;
  }

  async end(): Promise<readonly [code: number | null, signal: string | null]> {
    const { exitCode, signalCode } = this.child;
    if (exitCode !== null || signalCode !== null) return [exitCode, signalCode];
    return (await once(this.child, 'exit')) as [number | null, string | null];
  }
}

/** The only child of a started program. */
function childOf({ pid = 0 }: ChildProcess): number {
  return Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8'));
}

const asPid1 = ['-pf', '--kill-child', '--mount-proc', init];

describe('warren-init as a file', () => {
  test('is a small static program without writable data', () => {
    const headers = execFileSync('readelf', ['-lW', init], { encoding: 'utf8' });
    const loads = headers.split('\n').filter((line) => /^\s+LOAD/.test(line));
    expect(loads.filter((line) => / RW /.test(line))).toEqual([]);
    expect(headers).not.toMatch(/INTERP|DYNAMIC/);
    expect(statSync(init).size).toBeLessThan(32 * 1024);
    expect(statSync(init).mode & 0o111).toBe(0o111);
  });

  test('compiles with clang, too', () => {
    const out = join(directory, 'clang');
    const make = ['-s', '-C', join(repository, 'src', 'keeper', 'init'), `OUT=${out}`];
    execFileSync('make', [...make, 'INIT_CC=clang']);
    expect(spawnSync(join(out, 'warren-init'), ['exit', '9']).status).toBe(9);
  });
});

describe('warren-init -- COMMAND', () => {
  test("ends with the child's exit status", () => {
    expect(run(['--', init, 'exit', '42']).status).toBe(42);
  });

  test('ends with 128+n when a signal ended the child', () => {
    expect(run(['--', 'sh', '-c', 'kill -KILL $$']).status).toBe(137);
  });

  test('finds a bare name in PATH', () => {
    expect(run(['--', 'echo', 'found']).stdout).toBe('found\n');
  });

  test('uses the default PATH when the environment has none', () => {
    const { status } = spawnSync(init, ['--', 'true'], { env: {} });
    expect(status).toBe(0);
  });

  test('passes arguments and environment on unchanged', () => {
    const result = run(['--', init, 'env'], { GREETING: 'a "b" $c' });
    expect(result.stdout.split('\n')).toContain('GREETING=a "b" $c');
  });

  test('ends with 127 and one line when a bare name is not in PATH', () => {
    expect(run(['--', 'no-such-command'])).toEqual({
      status: 127,
      stdout: '',
      stderr: 'warren-init: cannot run no-such-command: not found in $PATH\n',
    });
  });

  test('ends with 127 when a path does not exist', () => {
    expect(run(['--', '/no/such'])).toMatchObject({
      status: 127,
      stderr: 'warren-init: cannot run /no/such: no such file or directory\n',
    });
  });

  test('ends with 126 when the file is not executable', () => {
    const file = join(directory, 'plain');
    writeFileSync(file, 'text');
    expect(run(['--', file])).toMatchObject({
      status: 126,
      stderr: `warren-init: cannot run ${file}: permission denied\n`,
    });
    expect(run(['--', 'plain'], { PATH: `/no/where:${directory}` }).status).toBe(126);
  });

  test('goes on in PATH behind a file that is not executable', () => {
    const file = join(directory, 'echo');
    writeFileSync(file, '');
    chmodSync(file, 0o644);
    expect(run(['--', 'echo', 'hi'], { PATH: `${directory}:/usr/bin` }).stdout).toBe('hi\n');
  });

  test('ends with 126 on a file of an unknown format', () => {
    const file = join(directory, 'format');
    writeFileSync(file, 'not a program');
    chmodSync(file, 0o755);
    expect(run(['--', file]).stderr).toMatch(/exec format error/);
  });

  test('ends with 126 on a directory', () => {
    expect(run(['--', directory]).status).toBe(126);
  });

  test('wants a command behind --', () => {
    expect(run(['--']).status).toBe(2);
  });

  test('forwards signals to its child, real-time ones as well', async () => {
    const running = new Running(init, ['--', init, 'signal-echo']);
    expect(await running.line()).toBe('ready');
    for (const signal of [
      'SIGTERM',
      'SIGINT',
      'SIGHUP',
      'SIGUSR1',
      'SIGWINCH',
      'SIGABRT',
    ] as const) {
      running.child.kill(signal);
      expect(await running.line()).toBe(signal);
    }
    execFileSync('kill', ['-37', String(running.child.pid)]);
    expect(await running.line()).toBe('SIGRTMIN+3');
    process.kill(childOf(running.child), 'SIGKILL');
    expect(await running.end()).toEqual([137, null]);
  });

  test('puts the child into its own process group', () => {
    const script = 'ps -o pid=,pgid= -p $$';
    const [pid, group] = run(['--', 'sh', '-c', script]).stdout.trim().split(/\s+/);
    expect(group).toBe(pid);
  });
});

describeAsRoot('warren-init as PID 1', () => {
  test('reaps orphans while the child runs', () => {
    const script = [
      'for i in 1 2 3 4 5; do (sleep 0.05 &) ; done',
      'sleep 0.3; ps -o stat=,comm= ax',
    ].join('; ');
    const { stdout } = spawnSync('unshare', [...asPid1, '--', 'sh', '-c', script], {
      encoding: 'utf8',
    });
    expect(stdout).toContain('warren-init');
    expect(stdout).not.toMatch(/defunct|^Z/m);
  });

  test('forwards signals that the kernel would keep from a PID 1 without handlers', async () => {
    const running = new Running('unshare', [...asPid1, '--', init, 'signal-echo']);
    expect(await running.line()).toBe('ready');
    const pid1 = childOf(running.child);
    process.kill(pid1, 'SIGTERM');
    expect(await running.line()).toBe('SIGTERM');
    process.kill(pid1, 'SIGSEGV');
    expect(await running.line()).toBe('SIGSEGV');
    process.kill(pid1, 'SIGKILL');
    await running.end();
  });

  test("ends with its child, taking the container's other processes along", () => {
    const script = 'setsid sleep 1000 & exit 5';
    expect(spawnSync('unshare', [...asPid1, '--', 'sh', '-c', script]).status).toBe(5);
  });

  test.each(['pause', 'httpd', 'sleep'])('%s as PID 1 ends on SIGTERM', async (applet) => {
    const args = { pause: [], httpd: ['0'], sleep: ['1000'] }[applet] ?? [];
    const running = new Running('unshare', ['-pf', '--kill-child', init, applet, ...args]);
    const catches = (pid: number): boolean =>
      pid !== 0 && /SigCgt:\s+0*4003/.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
    await vi.waitUntil(() => catches(childOf(running.child)), { interval: 5 });
    process.kill(childOf(running.child), 'SIGTERM');
    expect(await running.end()).toEqual([143, null]);
  });
});

describe('the applets', () => {
  test('are chosen by the name of the program as well', () => {
    const link = join(directory, 'exit');
    symlinkSync(init, link);
    expect(spawnSync(link, ['3']).status).toBe(3);
  });

  test('are all in the help', () => {
    const { status, stdout } = run(['help']);
    expect(status).toBe(0);
    for (const name of ['pause', 'httpd', 'probe', 'fork-bomb']) expect(stdout).toContain(name);
  });

  test('end with 127 when unknown', () => {
    expect(run(['frobnicate'])).toMatchObject({ status: 127, stdout: '' });
  });

  test('true, false and exit give their status', () => {
    expect([run(['true']).status, run(['false']).status, run(['exit', '255']).status]).toEqual([
      0, 1, 255,
    ]);
    expect(run(['exit', '256']).status).toBe(2);
  });

  test('echo joins its arguments', () => {
    expect(run(['echo', 'a', 'b  c']).stdout).toBe('a b  c\n');
    expect(run(['echo', '-n', 'a']).stdout).toBe('a');
  });

  test('echo reports a full disk', () => {
    expect(spawnSync('sh', ['-c', '"$0" echo x > /dev/full', init]).status).toBe(1);
  });

  test('write and cat keep the content, and cat goes on after a missing file', () => {
    const file = join(directory, 'note');
    expect(run(['write', file, 'some text']).status).toBe(0);
    expect(run(['cat', file, '/no/such', file])).toEqual({
      status: 1,
      stdout: 'some text\nsome text\n',
      stderr: 'cat: cannot open /no/such: no such file or directory\n',
    });
    const copied = spawnSync(init, ['cat'], { input: 'x'.repeat(100_000), encoding: 'utf8' });
    expect(copied.stdout.length).toBe(100_000);
  });

  test('ls lists names, and details with -l', () => {
    const folder = mkdtempSync(join(directory, 'ls-'));
    writeFileSync(join(folder, 'file'), '12345', { mode: 0o640 });
    symlinkSync('file', join(folder, 'link'));
    expect(run(['ls', folder]).stdout.trim().split('\n').sort()).toEqual(['file', 'link']);
    expect(run(['ls', '-l', folder]).stdout).toMatch(/^- 0640 \d+ \d+ 5 file$/m);
    expect(run(['ls', '-l', folder]).stdout).toMatch(/^l 0777 \d+ \d+ 4 link -> file$/m);
  });

  test('sleep takes fractions and refuses nonsense', () => {
    const before = performance.now();
    expect(run(['sleep', '0.2']).status).toBe(0);
    expect(performance.now() - before).toBeGreaterThanOrEqual(200);
    expect(run(['sleep', '1x']).status).toBe(2);
    expect(run(['sleep', '99999999999999999999']).status).toBe(2);
  });

  test('eat-memory reports what it touched', () => {
    expect(run(['eat-memory', '20m']).stdout).toContain('got 20971520 of 20971520 bytes\n');
    expect(run(['eat-memory', '5x']).status).toBe(2);
    expect(run(['eat-memory', '99999999999g']).status).toBe(2);
  });

  test('eat-memory reports the limit that stopped it', () => {
    const script = 'ulimit -v 20000; exec "$0" eat-memory 64m';
    const { status, stdout, stderr } = spawnSync('sh', ['-c', script, init], { encoding: 'utf8' });
    expect(status).toBe(1);
    expect(stdout).toMatch(/got 1\d{7} of 67108864 bytes/);
    expect(stderr).toContain('out of memory');
  });

  test('burn reports CPU time', () => {
    expect(run(['burn', '0.1']).stdout).toMatch(/^burn: 0\.\d{3} s of CPU in 0\.1\d\d s\n$/);
  });

  test('fork-bomb stops at its maximum and leaves no child', () => {
    expect(run(['fork-bomb', '20']).stdout).toBe(
      'fork-bomb: 20 processes, then the maximum asked for\n',
    );
    expect(spawnSync('pgrep', ['-f', `^${init} fork-bomb 20`]).status).toBe(1);
  });

  test('tty says when stdin is none', () => {
    expect(run(['tty'])).toMatchObject({ status: 1, stdout: 'not a tty\n' });
  });

  test('tty shows the window size of a terminal', () => {
    const command = `stty rows 33 cols 101; ${init} tty`;
    const { stdout } = spawnSync('script', ['-qec', command, '/dev/null'], { encoding: 'utf8' });
    expect(stdout).toMatch(/^tty \/dev\/pts\/\d+ rows 33 columns 101/);
  });

  test('probe prints one JSON object about itself', () => {
    const { status, stdout } = run(['probe'], { QUOTE: 'a"\\\n\u00e9' });
    const probe = JSON.parse(stdout) as Record<string, unknown>;
    expect(status).toBe(0);
    expect(probe).toMatchObject({
      uid: process.getuid?.(),
      cwd: process.cwd(),
      ppid: process.pid,
      env: expect.arrayContaining(['QUOTE=a"\\\n\u00c3\u00a9']) as unknown,
      pids: expect.arrayContaining([process.pid]) as unknown,
      namespaces: { pid: expect.any(Number) as unknown, user: expect.any(Number) as unknown },
    });
    expect(Object.keys(probe['status'] as object)).toEqual([
      'CapInh',
      'CapPrm',
      'CapEff',
      'CapBnd',
      'CapAmb',
      'NoNewPrivs',
      'Seccomp',
    ]);
    expect(probe['mounts']).toBeGreaterThan(0);
    expect((probe['uidMap'] as string[])[0]).toMatch(/\d+\s+\d+\s+\d+/);
  });
});

describe('httpd', () => {
  async function startServer(): Promise<{ port: number; pid: number }> {
    const running = new Running(init, ['httpd', '0']);
    const port = Number(/port (\d+)/.exec(await running.line())?.[1]);
    return { port, pid: running.child.pid ?? 0 };
  }

  /** What the server says to these bytes until it closes. */
  async function exchange(port: number, request: string): Promise<string> {
    const socket = connect(port, '127.0.0.1').setEncoding('latin1');
    socket.on('error', () => socket.destroy());
    let answer = '';
    socket.on('data', (data: string) => (answer += data));
    socket.write(request, 'latin1');
    await once(socket, 'close');
    return answer;
  }

  test('answers GET with its host name and pid', async () => {
    const { port, pid } = await startServer();
    const answer = await fetch(`http://127.0.0.1:${port}/any/path`);
    expect(await answer.json()).toEqual({
      hostname: readFileSync('/proc/sys/kernel/hostname', 'utf8').trim(),
      pid,
    });
  });

  test('answers HEAD without a body and refuses other methods', async () => {
    const { port } = await startServer();
    expect(await exchange(port, 'HEAD / HTTP/1.1\r\n\r\n')).toMatch(/^HTTP\/1.1 200 .*\r\n\r\n$/s);
    expect(await exchange(port, 'POST / HTTP/1.1\r\n\r\n')).toMatch(/^HTTP\/1.1 400 /);
  });

  test('survives garbage, floods and silent clients', async () => {
    const { port } = await startServer();
    const silent = Array.from({ length: 30 }, () => connect(port, '127.0.0.1'));
    await Promise.all(silent.map((socket) => once(socket, 'connect')));
    expect(await exchange(port, '\0\u00ff\u0080\n\n')).toMatch(/^HTTP\/1.1 400 /);
    await exchange(port, 'x'.repeat(200_000));
    const answers = await Promise.all(
      Array.from({ length: 100 }, async () => (await fetch(`http://127.0.0.1:${port}/`)).status),
    );
    expect(new Set(answers)).toEqual(new Set([200]));
    silent.forEach((socket) => socket.resume());
    await Promise.all(silent.map((socket) => once(socket, 'close')));
  });

  test('says which port is taken', async () => {
    const { port } = await startServer();
    expect(run(['httpd', String(port)])).toMatchObject({
      status: 1,
      stderr: `httpd: cannot listen on port ${port}: address in use\n`,
    });
  });
});
