import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { spawnSync } from 'node:child_process';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { TestCli } from '../fixtures/cli.js';
import { describeAsRoot } from '../privileges.js';

describeAsRoot('a wrong command line', () => {
  let cli: TestCli;
  beforeAll(async () => {
    cli = new TestCli();
    await cli.output('run', '-d', '--name', 'taken', 'busybox', 'sleep', '600');
  });
  afterEach(async () => {
    expect(await cli.output('ps', '-a', '--format', '{{.Names}}')).toBe('taken');
    expect(readdirSync(join(cli.scope.dataRoot, 'containers'))).toHaveLength(1);
  });
  afterAll(async () => {
    await cli[Symbol.asyncDispose]();
  });

  test.each([
    // run: what cannot be started is 125, what cannot be executed 126 or 127
    [['run', '--rm', 'nosuchimage', 'true'], 125, 'No such image: nosuchimage'],
    [['run', '--rm', 'busybox', 'nosuchcommand'], 127, 'nosuchcommand'],
    [['run', '--rm', 'busybox', '/etc/passwd'], 126, '/etc/passwd'],
    [['run', '--rm', 'busybox', '/tmp'], 126, '/tmp'],
    [['run', '--name', 'taken', 'busybox', 'true'], 125, '"/taken" is already in use'],
    [['run', '--name', '!', 'busybox', 'true'], 125, 'Invalid container name'],
    [['run', '--rm', '-u', 'nosuchuser', 'busybox', 'true'], 125, 'nosuchuser'],
    [
      ['run', '--rm', '--mount', 'type=bind,src=/nosuch/source,dst=/x', 'busybox', 'true'],
      125,
      '/nosuch/source',
    ],
    [['run', '--rm', '-m', '1k', 'busybox', 'true'], 125, 'memory'],
    [['run', '--rm', '--cap-add', 'NOSUCH', 'busybox', 'true'], 125, 'NOSUCH'],
    [['run', '--rm', '--device', '/dev/nosuch', 'busybox', 'true'], 125, '/dev/nosuch'],
    [['run', '--rm', '--device-read-bps', '/dev/nosuch:1m', 'busybox', 'true'], 125, '/dev/nosuch'],
    [['run', '--rm', '--cpuset-cpus', '900', 'busybox', 'true'], 125, 'cpuset.cpus'],
    [['run', '--rm', '--network', 'container:nobody', 'busybox', 'true'], 125, 'nobody'],
    [
      ['run', '--rm', '--security-opt', 'seccomp=/nosuch.json', 'busybox', 'true'],
      125,
      '/nosuch.json',
    ],
    [['run', '--rm', '--env-file', '/nosuch.env', 'busybox', 'true'], 125, '/nosuch.env'],
    // flags: 125, whatever the command
    [['run', '--nosuchflag', 'busybox'], 125, 'Unknown flag "--nosuchflag"'],
    [['ps', '--formt', 'x'], 125, 'Did you mean --format?'],
    [['run', '-m', '12q', 'busybox'], 125, 'Invalid value "12q" for --memory'],
    [['run', '--restart', 'maybe', 'busybox'], 125, 'a restart policy is one of'],
    [['stop', '-t', 'soon', 'taken'], 125, 'Invalid value "soon" for --timeout'],
    [['run', '--memory'], 125, 'Flag needs a value: --memory'],
    // other commands: 1
    [['nosuchcommand'], 1, 'Unknown command "nosuchcommand"'],
    [['image', 'nosuchcommand'], 1, 'Unknown command "nosuchcommand"'],
    [['stop'], 1, 'needs the argument CONTAINER'],
    [['ps', 'surplus'], 1, 'too many arguments'],
    [['start', 'nobody'], 1, 'No such container: nobody'],
    [['inspect', 'nobody'], 1, 'No such object: nobody'],
    [['exec', 'nobody', 'true'], 1, 'No such container: nobody'],
    [['exec', 'taken', 'nosuchcommand'], 127, 'nosuchcommand'],
    [['exec', 'taken', '/etc/passwd'], 126, '/etc/passwd'],
    [['rm', 'taken'], 1, 'it is running'],
    [['unpause', 'taken'], 1, 'taken'],
    [['update', 'taken'], 1, 'Nothing to update'],
    [['cp', 'taken:/nosuch', '/tmp'], 1, '/nosuch'],
    [['cp', '/tmp', '/tmp'], 1, 'Neither SOURCE nor DESTINATION'],
    [['image', 'rm', 'busybox'], 1, 'it is used by'],
    [['volume', 'rm', 'nosuchvolume'], 1, 'nosuchvolume'],
    [['ps', '--format', '{{.Nope}}'], 1, 'there is no field "Nope"'],
    [['ps', '--format', '{{'], 1, 'line 1, column 1'],
  ] as readonly (readonly [readonly string[], number, string])[])(
    '%j ends with %d and says %j',
    async (args, code, reason) => {
      const result = await cli.run(args);
      expect(result.stderr).toContain(reason);
      expect(result.code).toBe(code);
      expect(result.stderr).not.toContain('Internal error');
      expect(result.stderr.trimEnd().split('\n').length).toBeLessThanOrEqual(2);
    },
  );

  test('a limit that the kernel lacks is refused and named', async () => {
    const cgroups = await cli.output('info', '--format', '{{.cgroupVersion}}');
    const flag = cgroups === 'v2' ? '--memory-swappiness=5' : '--memory-min=5m';
    const { code, stderr } = await cli.run(['run', '--rm', flag, 'busybox', 'true']);
    expect(code).toBe(125);
    expect(stderr).toMatch(/cgroup v[12]/);
  });

  test('several arguments are worked off, and the bad ones reported', async () => {
    const { code, stdout, stderr } = await cli.run([
      'inspect',
      '-f',
      '{{.Name}}',
      'nobody',
      'taken',
      'none',
    ]);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '/taken\n' });
    expect(stderr.match(/No such object/g)).toHaveLength(2);
  });
});

describeAsRoot('a poor machine', () => {
  test('without root there is one clear message', async () => {
    await using cli = new TestCli();
    await cli.output('info');
    const [program = '', ...args] = cli.command;
    // Permission to read the checkout is kept, so that it is Warren that objects.
    const result = spawnSync(
      'setpriv',
      [
        '--bounding-set=-all,+dac_override',
        '--inh-caps=-all,+dac_override',
        '--reuid=65534',
        '--ambient-caps=-all,+dac_override',
        '--clear-groups',
        program,
        ...args,
        'run',
        '--rm',
        'tiny',
        'true',
      ],
      { encoding: 'utf8' },
    );
    expect(result.status).toBe(125);
    expect(result.stderr).toMatch(/root/);
    expect(result.stderr).not.toContain('Internal error');
  });

  describe('with a full disk', () => {
    test('a container is refused, and leaves nothing', async () => {
      await using cli = new TestCli();
      const disk = join(cli.scope.directory, 'disk');
      mkdirSync(disk);
      const script = [
        `mount -t tmpfs -o size=24m tmpfs ${disk}`,
        `warren() { ${cli.command.map((word) => `'${word.replace(cli.scope.dataRoot, `${disk}/data`)}'`).join(' ')} "$@"; }`,
        'warren image build-base tiny >/dev/null || exit 50',
        `dd if=/dev/zero of=${disk}/fill bs=64k 2>/dev/null`,
        'warren run --rm tiny true; echo "code $?"',
        `rm ${disk}/fill`,
        'warren run --rm tiny echo works; echo "left $(warren ps -aq)"',
        'warren keeper stop --force',
      ].join('\n');
      const file = join(cli.scope.directory, 'full.sh');
      writeFileSync(file, script);
      const result = spawnSync('unshare', ['--mount', '--propagation', 'private', 'sh', file], {
        encoding: 'utf8',
      });
      expect(result.stdout).toBe('code 125\nworks\nleft \n');
      expect(result.stderr).toContain('no space is left on its device');
      expect(result.stderr).not.toContain('Internal error');
      expect(existsSync(join(disk, 'data'))).toBe(false);
    });
  });
});
