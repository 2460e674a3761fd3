import { existsSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ContainerHandle } from '../../../src/engine/contract.js';
import { describeWith, root } from '../../privileges.js';
import { type Isolation, openIsolation } from './isolation.js';

const bubblewrap = '/usr/bin/bwrap';
const requirement = root.met
  ? { met: existsSync(bubblewrap), reason: 'requires bubblewrap' }
  : root;

/** The host's programs, read-only: bubblewrap needs its libraries. */
const hostPrograms = ['/usr', '/lib', '/lib64', '/bin']
  .filter((path) => existsSync(path))
  .map((path) => ({ type: 'bind', source: path, target: path, readOnly: true }) as const);

describeWith(requirement, 'sandboxes in a container', () => {
  let own: Isolation;
  let container: ContainerHandle;
  beforeAll(async () => {
    own = await openIsolation();
    container = await own.start({ mounts: hostPrograms, command: ['/usr/bin/sleep', '1000'] });
  });
  afterAll(async () => {
    await own[Symbol.asyncDispose]();
  });

  const sandbox = [
    bubblewrap,
    ...['--unshare-all', '--die-with-parent', '--new-session'],
    ...['--ro-bind', '/', '/', '--proc', '/proc', '--dev', '/dev', '--tmpfs', '/tmp'],
  ];

  test.each(['0', '1000'])('bubblewrap works for user %s', async (user) => {
    const command = [...sandbox, 'sh', '-c', 'echo $$; ls /proc | grep -c "^[0-9]"; touch /tmp/x'];
    const { stdout, stderr, exitCode } = await container.exec(command, { user });
    expect([stderr, exitCode]).toEqual(['', 0]);
    const [pid, processes] = stdout.trim().split('\n').map(Number);
    expect(pid).toBeLessThanOrEqual(3);
    expect(processes).toBeLessThanOrEqual(5);
  });

  test('what is read-only stays so in the sandbox', async () => {
    const command = [...sandbox, 'sh', '-c', 'mount -o remount,bind,rw /usr; touch /usr/new'];
    const { stderr, exitCode } = await container.exec(command);
    expect(exitCode).not.toBe(0);
    expect(stderr).toMatch(/Read-only|denied|not permitted/);
    expect(existsSync('/usr/new')).toBe(false);
  });

  test('unshare makes namespaces inside', async () => {
    const { stdout, exitCode } = await container.exec(
      ['unshare', '-Urmpf', '--mount-proc', 'sh', '-c', 'id -u; echo $$'],
      { user: '1000' },
    );
    expect([stdout, exitCode]).toEqual(['0\n1\n', 0]);
  });
});
