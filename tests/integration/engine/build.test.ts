import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { BuildEvent, BuildOptions } from '../../../src/engine/build/contract.js';
import type { Image } from '../../../src/model/image.js';
import { openTestEngine, type TestEngine } from '../../fixtures/engine.js';
import { treeListing } from '../../fixtures/tree-listing.js';
import { describeAsRoot } from '../../privileges.js';

const program = join(import.meta.dirname, '..', '..', '..', 'bin', 'warren.js');

describeAsRoot('a build', () => {
  let own: TestEngine;
  beforeAll(async () => {
    own = await openTestEngine();
    await own.engine.images.buildBase('busybox');
  });
  afterAll(async () => {
    await own[Symbol.asyncDispose]();
  });

  /** A context with these files. */
  const contextOf = (files: Readonly<Record<string, string>>): string => {
    const directory = mkdtempSync(join(own.scope.directory, 'context-'));
    for (const [path, content] of Object.entries(files)) {
      mkdirSync(dirname(join(directory, path)), { recursive: true });
      writeFileSync(join(directory, path), content);
    }
    return directory;
  };

  interface Built {
    readonly image: Image;
    readonly events: readonly BuildEvent[];
    readonly output: string;
  }

  const build = async (
    dockerfile: string,
    files: Readonly<Record<string, string>> = {},
    options: Partial<BuildOptions> = {},
  ): Promise<Built> => {
    const events: BuildEvent[] = [];
    const image = await own.engine.images.build({
      context: contextOf({ ...files, Dockerfile: dockerfile }),
      onEvent: (event) => events.push(event),
      ...options,
    });
    const texts = events.flatMap((event) => (event.kind === 'output' ? [event.text] : []));
    return { image, events, output: texts.join('') };
  };

  /** What a command says in a container of the image. */
  const run = async (image: Image, ...command: string[]): Promise<string> => {
    await using container = await own.engine.run({
      image: image.id,
      entrypoint: [],
      command: ['sleep', '600'],
      user: '0',
    });
    const { stdout, stderr, exitCode } = await container.exec(command);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    return stdout;
  };

  const cachedSteps = (events: readonly BuildEvent[]): readonly number[] =>
    events.flatMap((event) => (event.kind === 'cached' ? [event.step] : []));

  test('applies every instruction to config and files', async () => {
    const { image, output } = await build(
      `# escape=\`
       ARG TAG=latest
       FROM busybox:\${TAG}
       ARG WHO=nobody
       ARG EMPTY
       ENV A=1 B="two words" \`
           # a comment in the middle
           C=\${WHO:-x}-\${EMPTY:+set}\${A%1}end
       LABEL one=1 "two"="2 2"
       MAINTAINER someone
       WORKDIR /work
       WORKDIR sub
       SHELL ["/bin/sh", "-ec"]
       RUN pwd; echo "$A $B $C"
       RUN <<EOF cat >doc
here $A
EOF
       RUN <<EOF
#!/usr/bin/awk -f
BEGIN { print "script" }
EOF
       COPY <<EOF /etc/inline
inline $WHO
EOF
       EXPOSE 80 90-91/udp
       VOLUME /data
       STOPSIGNAL SIGINT
       HEALTHCHECK --interval=5s --retries=2 CMD test -e /
       USER 7:8
       ENTRYPOINT ["sh", "-c"]
       CMD ["echo hi"]`,
      {},
      { buildArgs: { WHO: 'me' }, labels: { three: '3' } },
    );
    expect(output).toBe('/work/sub\n1 two words me-end\nscript\n');
    expect(image.author).toBe('someone');
    expect(image.config).toMatchObject({
      entrypoint: ['sh', '-c'],
      command: ['echo hi'],
      workingDir: '/work/sub',
      user: '7:8',
      labels: { one: '1', two: '2 2', three: '3' },
      exposedPorts: ['80/tcp', '90/udp', '91/udp'],
      stopSignal: 'SIGINT',
      health: { retries: 2, intervalMs: 5000 },
    });
    expect(image.config.env).toContain('B=two words');
    expect(await run(image, 'cat', '/work/sub/doc', '/etc/inline')).toBe('here 1\ninline me\n');
  });

  test('copies files as COPY and ADD do', async () => {
    const context = contextOf({
      'a/one.txt': '1',
      'a/two.txt': '2',
      'a/sub/three': '3',
      'b.txt': 'b',
      '.dockerignore': '# no\n**/*.log\n!keep.log\na/sub/secret',
      'x.log': 'log',
      'keep.log': 'kept',
      'a/sub/secret': 'secret',
      Dockerfile: `FROM busybox
        RUN mkdir -p /real && ln -s /real /link && mkdir -m 700 /own && touch /own/old
        COPY a /all/
        COPY a/*.txt b.txt /glob/
        COPY b.txt /link
        COPY --chown=nobody --chmod=600 b.txt /owned
        COPY own /own
        COPY *.log /logs/
        ADD inner.tar.gz /unpacked
        COPY inner.tar.gz /packed`,
    });
    const script =
      'mkdir own t && echo x >own/new && echo t >t/file && ln -s /etc t/l && tar -czf inner.tar.gz t';
    execFileSync('sh', ['-c', script], { cwd: context });
    const image = await own.engine.images.build({ context });
    const list = 'cd / && find all glob real own logs unpacked packed | sort';
    const found = await run(image, 'sh', '-c', list);
    expect(found.trim().split('\n')).toEqual([
      ...['all', 'all/one.txt', 'all/sub', 'all/sub/three', 'all/two.txt'],
      ...['glob', 'glob/b.txt', 'glob/one.txt', 'glob/two.txt', 'logs', 'logs/keep.log'],
      ...['own', 'own/new', 'own/old', 'packed', 'real', 'real/b.txt'],
      ...['unpacked', 'unpacked/t', 'unpacked/t/file', 'unpacked/t/l'],
    ]);
    const owners = await run(image, 'stat', '-c', '%u:%g %a', '/owned', '/own');
    expect(owners).toBe('65534:65534 600\n0:0 700\n');
  });

  test('copies extended attributes and file capabilities, from the context and from stages', async () => {
    const context = contextOf({
      program: '#!/bin/sh\n',
      Dockerfile: `FROM busybox AS first
        COPY program /opt/program
        FROM scratch
        COPY --from=first /opt/program /one
        COPY --from=first /opt /all`,
    });
    const program = join(context, 'program');
    execFileSync('setfattr', ['-n', 'user.origin', '-v', 'context', program]);
    execFileSync('setcap', ['cap_net_raw+ep', program]);
    const expected = treeListing(context).find((line) => line.startsWith("b'program'"));
    const attributes = expected?.slice(expected.indexOf('{')) ?? '';
    expect(attributes).toContain('security.capability');
    const image = await own.engine.images.build({ context });
    const [all, one] = image.layers.map((layer) => treeListing(join(own.scope.dataRoot, layer)));
    const found = [...(one ?? []), ...(all ?? [])].filter((line) => / 0o100/.test(line));
    expect(found.map((line) => line.slice(line.indexOf('{')))).toEqual([attributes, attributes]);
    // Another attribute is another step.
    execFileSync('setfattr', ['-n', 'user.origin', '-v', 'changed', program]);
    expect((await own.engine.images.build({ context })).id).not.toBe(image.id);
  });

  test('takes unchanged steps from the cache, in other processes as well, until it is pruned', async () => {
    const context = contextOf({
      f: '1',
      Dockerfile: 'FROM busybox\nRUN date +%N >/when\nCOPY f /f\nRUN cat /f',
    });
    const events: BuildEvent[] = [];
    const options: BuildOptions = {
      context,
      tags: ['cached'],
      onEvent: (event) => events.push(event),
    };
    const first = await own.engine.images.build(options);
    const other = await own.open();
    expect((await other.images.build(options)).id).toBe(first.id);
    const when = await run(first, 'cat', '/when');
    writeFileSync(join(context, 'f'), '2');
    events.length = 0;
    const changed = await own.engine.images.build(options);
    expect(cachedSteps(events)).toEqual([2]);
    expect(await run(changed, 'cat', '/when')).toBe(when);
    const names = (await own.engine.images.list()).flatMap(({ references }) => references);
    expect(names).toContain('cached:latest');
    await own.engine.images.remove('cached');
    await own.engine.images.pruneBuilds();
    events.length = 0;
    await own.engine.images.build(options);
    expect(cachedSteps(events)).toEqual([]);
  });

  test('keeps secrets, caches, binds and tmpfs out of layers, history and records', async () => {
    const secret = `top-${'secret'}-${process.pid}`;
    const mounts =
      '--mount=type=secret,id=token,required=true --mount=type=cache,target=/cache --mount=source=f,target=/in/f --mount=type=bind,target=/ctx,rw --mount=type=tmpfs,target=/memory';
    const dockerfile = `FROM busybox\nRUN ${mounts} grep -q top- /run/secrets/token && cat /in/f && echo x >>/cache/n && wc -l </cache/n && echo w >/ctx/written && grep -q " /memory tmpfs" /proc/mounts`;
    const files = { f: 'bound\n' };
    const secrets = { token: Buffer.from(secret) };
    expect((await build(dockerfile, files, { secrets })).output).toBe('bound\n1\n');
    const again = await build(dockerfile, files, { secrets, noCache: true });
    expect(again.output).toBe('bound\n2\n');
    expect(await run(again.image, 'find', '/run')).toBe('/run\n');
    expect(
      await run(again.image, 'sh', '-c', 'ls -d /in /cache /ctx /memory 2>/dev/null || true'),
    ).toBe('');
    const found = execFileSync('sh', [
      '-c',
      `grep -rl ${secret} "$0" || true`,
      own.scope.directory,
    ]);
    expect(found.toString()).toBe('');
    const blobs = join(own.scope.dataRoot, 'images', 'blobs', 'sha256');
    for (const name of readdirSync(blobs)) {
      const count = `zcat -f "$0" | grep -c ${secret} || true`;
      expect(execFileSync('sh', ['-c', count, join(blobs, name)]).toString()).toBe('0\n');
    }
    const missing = build(dockerfile, files, { noCache: true });
    await expect(missing).rejects.toMatchObject({ code: 'SECRET_MISSING' });
  });

  test.each([
    ['FROM busybox\n\nFOO bar', 'Dockerfile:3: FOO: unknown instruction'],
    ['RUN x', 'Dockerfile:1: RUN: there is no FROM before it'],
    ['FROM busybox\nRUN --mont=x true', 'Dockerfile:2: RUN: unknown flag --mont'],
    ['FROM busybox\nRUN --mount=type=ssh true', ': RUN: --mount=type=ssh: unknown mount type ssh'],
    ['FROM busybox\nCOPY missing /x', ':2: COPY: there is no file missing in the context'],
    ['FROM busybox\nCOPY ../../etc/passwd /x', ':2: COPY: there is no file ../../etc/passwd'],
    ['FROM busybox\nADD https://example.com/x /x', ':2: ADD: https://example.com/x is no file'],
    ['FROM busybox\nENV A', 'Dockerfile:2: ENV: the form is NAME=VALUE'],
    ['FROM busybox\nRUN <<END\necho', 'Dockerfile:2: RUN: the here-document END has no end'],
    ['FROM busybox\nENV A=${B', 'Dockerfile:2: ENV: bad substitution'],
    ['FROM busybox\nRUN echo why >&2; exit 3', ':2: RUN: the command ended with exit code 3'],
    ['FROM busybox\nRUN --network=host true', 'Dockerfile:2: RUN: --network=host is not allowed'],
    ['FROM scratch\nRUN true', 'Dockerfile:2: RUN: the stage has no files yet'],
  ])('of %j fails with file and line', async (dockerfile, message) => {
    await expect(build(dockerfile)).rejects.toThrow(message);
    expect(await own.engine.containers.list({ all: true })).toEqual([]);
  });

  test.each(['SIGKILL', 'SIGINT'] as const)('that %s ends leaves nothing', async (signal) => {
    const context = contextOf({ Dockerfile: 'FROM busybox\nRUN echo started && sleep 600' });
    const { dataRoot, runDir, cgroupParent } = own.scope;
    const roots = ['--data-root', dataRoot, '--run-dir', runDir];
    const child = spawn(process.execPath, [program, ...roots, 'build', context], {
      env: { ...process.env, WARREN_CGROUP_PARENT: cgroupParent },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const ended = once(child, 'exit');
    let said = '';
    child.stderr.on('data', (chunk: Buffer) => {
      said += chunk.toString();
      if (said.includes('#2 started')) child.kill(signal);
    });
    await ended;
    const next = await own.open();
    expect(await next.containers.list({ all: true })).toEqual([]);
    expect(readdirSync(join(dataRoot, 'tmp'))).toEqual([]);
    expect(readdirSync(runDir).filter((name) => name.startsWith('build-'))).toEqual([]);
    expect(await next.system.leaks({ fix: false })).toEqual([]);
    expect((await build('FROM busybox\nRUN echo ' + signal)).output).toBe(`${signal}\n`);
  });
});
