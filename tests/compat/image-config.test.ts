import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventually } from '../faults/fixtures/eventually.js';
import { TestCli } from '../fixtures/cli.js';
import { TestDocker } from '../fixtures/docker-engine.js';
import { describeAsRoot } from '../privileges.js';

const dockerfile = `FROM busybox
RUN echo 'app:x:70:71:App:/home/app:/bin/sh' >>/etc/passwd && \\
  echo 'app:x:71:' >>/etc/group && echo 'extra:x:72:app,other' >>/etc/group && \\
  mkdir -p /home/app /data/sub && echo kept >/data/sub/file && chown -R app:app /data && chmod 750 /data
ENV A=1 GREETING="hello world" PATH=/opt/bin:/bin
LABEL one=1 two="t w o"
WORKDIR /work/place
USER app
VOLUME /data /cache
EXPOSE 80 53/udp
STOPSIGNAL SIGINT
HEALTHCHECK --interval=7s --timeout=3s --start-period=2s --retries=4 CMD test -e /data
ENTRYPOINT ["sh", "-c", "echo entry $0 $*; exec \\"$@\\"", "zero"]
CMD ["echo", "from cmd"]
`;

/** A user that does not exist, a directory that does not, an entry point that replaces, … as a user would try them. */
const runs: readonly (readonly [
  title: string,
  flags: readonly string[],
  command: readonly string[],
])[] = [
  ['entry point and command', [], []],
  ['another command', [], ['echo', 'mine']],
  ['another entry point, without the command', ['--entrypoint', 'pwd'], []],
  ['another entry point with arguments', ['--entrypoint', 'echo'], ['a', 'b c']],
  ['no entry point', ['--entrypoint', ''], ['sh', '-c', 'echo alone']],
  ['who runs it', ['--entrypoint', 'id'], []],
  ['a user by name', ['-u', 'root', '--entrypoint', 'id'], []],
  ['a user and a group', ['-u', 'app:extra', '--entrypoint', 'id'], []],
  ['numbers', ['-u', '7:8', '--entrypoint', 'id'], []],
  ['the number of a known user', ['-u', '70', '--entrypoint', 'id'], []],
  ['one more group', ['--group-add', '99', '--entrypoint', 'id'], []],
  ['the environment', ['--entrypoint', 'sh'], ['-c', 'env | grep -v HOSTNAME | sort']],
  [
    'the environment of others',
    ['-e', 'A=2', '-e', 'NEW=x', '-u', '7', '--entrypoint', 'sh'],
    ['-c', 'env | grep -v HOSTNAME | sort'],
  ],
  ['another directory', ['-w', '/made/new', '--entrypoint', 'pwd'], []],
  [
    'what volumes begin with',
    ['--entrypoint', 'sh'],
    ['-c', 'stat -c "%n %U:%G %a" /data /data/sub /cache; cat /data/sub/file'],
  ],
  ['a volume that is given', ['-v', '/data', '--entrypoint', 'cat'], ['/data/sub/file']],
  ['an exit code', ['--entrypoint', 'sh'], ['-c', 'exit 7']],
  ['a user that there is not', ['-u', 'nobodyknows'], []],
  ['a program that there is not', ['--entrypoint', '/no/such'], []],
];

/** The order of variables means nothing, and Debian's Docker does not know health checks' StartInterval. */
function comparable(value: unknown): unknown {
  if (Array.isArray(value))
    return value.every((each) => /=/.test(String(each))) ? value.sort() : value;
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).filter(([name]) => name !== 'StartInterval'));
}

describeAsRoot('the config of an image means to Warren what it means to Docker', () => {
  let cli: TestCli;
  let docker: TestDocker;

  beforeAll(async () => {
    cli = new TestCli();
    docker = await TestDocker.start(join(cli.scope.directory, 'docker'));
    await cli.output('image', 'build-base', 'busybox');
    const context = join(cli.scope.directory, 'context');
    mkdirSync(context);
    writeFileSync(join(context, 'Dockerfile'), dockerfile);
    await cli.output('build', '-q', '-t', 'configured', context);
    const archive = join(cli.scope.directory, 'configured.tar');
    await cli.output('save', '-o', archive, 'configured');
    docker.run(['load', '-q', '-i', archive]);
  });

  afterAll(async () => {
    await docker[Symbol.asyncDispose]();
    await cli[Symbol.asyncDispose]();
  });

  test.each(runs)('%s', async (_title, flags, command) => {
    const args = ['run', '--rm', '--network', 'none', ...flags, 'configured', ...command];
    const own = await cli.run(args);
    const theirs = docker.attempt(args);
    expect({ code: own.code, stdout: own.stdout }).toEqual(theirs);
  });

  test('as inspect shows it of a container', async () => {
    const names =
      'User Env Cmd Entrypoint WorkingDir Labels Volumes ExposedPorts StopSignal Healthcheck';
    const format = names
      .split(' ')
      .map((name) => `{{json .Config.${name}}}`)
      .join('\n');
    const create = ['create', '--name', 'shown', '--label', 'one=mine', '-e', 'B=2', 'configured'];
    const inspect = ['inspect', '-f', format, 'shown'];
    await cli.output(...create);
    docker.run(['create', '--network', 'none', ...create.slice(1)]);
    const shown = (text: string): unknown[] =>
      text
        .trimEnd()
        .split('\n')
        .map((line) => comparable(JSON.parse(line) as unknown));
    const theirs = docker.run(inspect).toString();
    expect(shown(await cli.output(...inspect))).toEqual(shown(theirs));
    docker.run(['rm', '-v', 'shown']);
    await cli.output('rm', '-v', 'shown');
  });

  test('when it is stopped', async () => {
    const script = 'trap "echo interrupted; exit 3" INT; echo ready; while :; do sleep 0.1; done';
    const run = ['run', '-d', '--name', 'trap', '--network', 'none', '--entrypoint', 'sh'];
    const told = ['inspect', '-f', '{{.State.ExitCode}}', 'trap'];
    await cli.output(...run, 'configured', '-c', script);
    await eventually('it is ready', async () => (await cli.output('logs', 'trap')) === 'ready');
    await cli.output('stop', 'trap');
    docker.run([...run, 'configured', '-c', script]);
    await eventually('it is ready', () => docker.run(['logs', 'trap']).toString() === 'ready\n');
    docker.run(['stop', 'trap']);
    expect(await cli.output(...told)).toBe('3');
    expect(docker.run(told).toString()).toBe('3\n');
    expect(docker.run(['logs', 'trap']).toString()).toBe(`${await cli.output('logs', 'trap')}\n`);
    docker.run(['rm', '-v', 'trap']);
  });
});
