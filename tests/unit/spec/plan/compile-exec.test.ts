import { describe, expect, test } from 'vitest';
import type { ExecSpec } from '../../../../src/spec/contract.js';
import type { ContainerConfig } from '../../../../src/model/container-config.js';
import { compileExec } from '../../../../src/spec/plan/compile-exec.js';
import { describePlan } from '../../../../src/spec/plan/describe-plan.js';
import { runtimeSpec } from '../../../../src/spec/runtime-spec.js';
import { id, launchInput } from '../fixture.js';

const root = { uid: 0, gid: 0, groups: [], home: '/root' };

function operations(exec: Partial<ExecSpec> = {}, config: Partial<ContainerConfig> = {}) {
  const input = launchInput(config);
  const spec = {
    argv: ['id', '-u'],
    env: [],
    workingDir: '',
    user: root,
    tty: false,
    privileged: false,
    ...exec,
  };
  return describePlan(compileExec(runtimeSpec(input), input, spec)).operations;
}

function fields(name: string, list: ReturnType<typeof operations>) {
  return list.find(({ operation }) => operation === name)?.fields;
}

describe('the plan of an exec', () => {
  test('holds what an exec may hold, in its order', () => {
    const list = operations({}, { oomScoreAdj: 7 });
    expect(list.map(({ operation }) => operation)).toEqual([
      'CGROUP_JOIN',
      'NAMESPACES',
      'OOM_SCORE',
      'WORKDIR',
      'ENVIRONMENT',
      'CREDENTIALS',
      'SECCOMP',
      'CAPABILITIES',
      'EXEC',
    ]);
    expect(fields('CGROUP_JOIN', list)).toEqual({ hierarchy: 0, path: `warren/${id}` });
    expect(fields('NAMESPACES', list)).toEqual({ namespaces: [] });
    expect(fields('WORKDIR', list)).toEqual({ path: '/' });
  });

  test('adds its environment to the container’s', () => {
    const list = operations({ env: ['A=2', 'PATH=/opt'], tty: true }, { env: ['A=1', 'B=1'] });
    expect(fields('ENVIRONMENT', list)?.['entries']).toEqual([
      'HOSTNAME=0123456789ab',
      'TERM=xterm',
      'HOME=/root',
      'B=1',
      'A=2',
      'PATH=/opt',
    ]);
    expect(fields('EXEC', list)?.['candidates']).toEqual(['/opt/id']);
  });

  test('takes a path as it is', () => {
    expect(fields('EXEC', operations({ argv: ['./run'] }))?.['candidates']).toEqual(['./run']);
  });

  test('gives another user no capabilities, unless it is privileged', () => {
    const user = { uid: 1000, gid: 1000, groups: [], home: '/' };
    expect(fields('CAPABILITIES', operations({ user }))).toMatchObject({
      permitted: [],
      ambient: [],
    });
    const privileged = fields('CAPABILITIES', operations({ user, privileged: true }));
    expect(privileged?.['ambient']).toEqual(privileged?.['bounding']);
  });

  test('refuses an empty command', () => {
    expect(() => operations({ argv: [''] })).toThrow(/name is empty/);
  });
});
