import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { TestCli } from '../fixtures/cli.js';
import { Pty } from '../fixtures/pty.js';
import { describeAsRoot } from '../privileges.js';

const detach = '\x10\x11';
const interrupt = '\x03';

/** The process whose command line has all these words, and that is no shell around it. */
function processOf(words: readonly string[]): number {
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    const file = `/proc/${pid}/cmdline`;
    const line = existsSync(file) ? readFileSync(file, 'utf8').split('\0') : [];
    if (words.every((word) => line.includes(word))) return Number(pid);
  }
  throw new Error(`No process has ${words.join(' ')}`);
}

describeAsRoot('on a terminal', () => {
  let cli: TestCli;
  beforeAll(() => {
    cli = new TestCli();
  });
  afterEach(async () => {
    await cli.clear();
  });
  afterAll(async () => {
    await cli[Symbol.asyncDispose]();
  });

  /** A shell line around warren, whose terminal can be looked at before and after. */
  function inShell(script: string): Pty {
    const quoted = cli.command.map((word) => `'${word}'`).join(' ');
    return new Pty(['sh', '-c', `warren() { ${quoted} "$@"; }; ${script}`]);
  }

  test('a shell has the size of the terminal and follows it', async () => {
    await using shell = cli.terminal(['run', '-it', '--rm', 'busybox', 'sh'], {
      columns: 91,
      rows: 33,
    });
    await shell.until('/ # ');
    shell.send('stty size; tty\r');
    await shell.until('33 91\r\n/dev/pts/0\r\n');
    shell.resize({ columns: 70, rows: 20 });
    await expect
      .poll(async () => {
        shell.send('stty size\r');
        await shell.until('stty size\r\n');
        await shell.until('/ # ');
        return shell.output;
      })
      .toContain('20 70\r\n');
    shell.send('exit 5\r');
    expect(await shell.exit()).toBe(5);
    expect(await cli.output('ps', '-aq')).toBe('');
  });

  test('line ends of the program are passed on as they are', async () => {
    await using typed = cli.terminal([
      'run',
      '-it',
      '--rm',
      'busybox',
      'sh',
      '-c',
      'stty -opost; echo c; echo d',
    ]);
    const code = await typed.exit();
    expect({ code, output: typed.output }).toEqual({ code: 0, output: 'c\nd\n' });
  });

  test('Ctrl-C goes to the program inside', async () => {
    await using shell = cli.terminal([
      'run',
      '-it',
      '--rm',
      'busybox',
      'sh',
      '-c',
      'trap "echo caught; exit 4" INT; echo ready; while true; do sleep 1; done',
    ]);
    await shell.until('ready');
    shell.send(interrupt);
    await shell.until('caught');
    expect(await shell.exit()).toBe(4);
  });

  test('the detach keys leave a container running, and attach comes back to it', async () => {
    await using first = cli.terminal(['run', '-it', '--name', 'shell', 'busybox', 'sh']);
    await first.until('/ # ');
    first.send('x=kept\r');
    await first.until('/ # ');
    first.send(detach);
    expect(await first.exit()).toBe(0);
    expect(await cli.output('ps', '--format', '{{.Names}}')).toBe('shell');
    await using second = cli.terminal(['attach', '--detach-keys', 'ctrl-a', 'shell']);
    second.send('echo is $x\r');
    await second.until('is kept\r\n');
    second.send('\x01');
    expect(await second.exit()).toBe(0);
    await using third = cli.terminal(['exec', '-it', 'shell', 'sh', '-c', 'tty; exit 3']);
    await third.until('/dev/pts/');
    expect(await third.exit()).toBe(3);
  });

  test('the terminal is as it was, however it ends', async () => {
    await cli.output('image', 'build-base', 'busybox');
    await using shell = inShell(
      [
        'before=$(stty -g)',
        'check() { [ "$(stty -g)" = "$before" ] && echo "same $1" || echo "changed $1"; }',
        'warren run -it --rm busybox true; check end',
        'warren run -it --rm busybox nosuchcommand; check failure',
        'warren run -it --rm nosuchimage true; check image',
        'warren run -it --rm busybox sh -c "kill -9 \\$\\$"; check signal',
        'exit 0',
      ].join('\n'),
    );
    for (const end of ['end', 'failure', 'image', 'signal']) await shell.until(`same ${end}`);
    expect(await shell.exit()).toBe(0);
  });

  test('the terminal is as it was when the program is told to end', async () => {
    await using shell = inShell(
      [
        'before=$(stty -g)',
        'warren run -it --sig-proxy=false --name box busybox sh -c "echo ready; sleep 60"',
        'echo "code $?"',
        '[ "$(stty -g)" = "$before" ] && echo same || echo changed',
      ].join('\n'),
    );
    await shell.until('ready');
    const pid = processOf(['--sig-proxy=false', cli.scope.dataRoot]);
    process.kill(pid, 'SIGTERM');
    await shell.until('code 143');
    await shell.until('same');
    expect(await cli.output('ps', '--format', '{{.Names}}')).toBe('box');
  });

  test('stats draw a screen until Ctrl-C', async () => {
    await cli.output('run', '-d', '--name', 'box', 'tiny', 'pause');
    await using screen = cli.terminal(['stats']);
    await screen.until('\x1b[2J');
    await screen.until('box');
    await screen.until('\x1b[H');
    await screen.until('box');
    screen.send(interrupt);
    expect(await screen.exit()).toBe(130);
  });

  test('a terminal inside needs one outside when keys are read', async () => {
    const { code, stderr } = await cli.run(['run', '-it', '--rm', 'busybox', 'sh']);
    expect(code).toBe(125);
    expect(stderr).toContain('The input device is not a terminal');
    expect(await cli.run(['run', '-t', '--rm', 'busybox', 'tty'])).toMatchObject({
      code: 0,
      stdout: '/dev/pts/0\r\n',
      stderr: '',
    });
  });

  test('a terminal has its size before the program reads it, however soon that ends', async () => {
    await cli.output('create', '-t', '--name', 'box', 'busybox', 'stty', 'size');
    const runs = Array.from({ length: 8 }, async () =>
      cli.output('run', '-t', '--rm', 'busybox', 'stty', 'size'),
    );
    expect(new Set(await Promise.all(runs))).toEqual(new Set(['24 80']));
    expect(await cli.output('start', '-a', 'box')).toBe('24 80');
  });
});
