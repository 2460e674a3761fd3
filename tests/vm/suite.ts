/**
 * The test files that also run in the virtual machine, on a pure cgroup v2 host with a 6.12 kernel.
 * Everything takes ten to fifteen times longer there: only tests whose outcome can depend on the
 * cgroup layout or on the kernel's version belong here.
 */
export const vmSuite: string[] = [
  'tests/conformance/cgroup/**/*.test.ts',
  'tests/integration/core/**/*.test.ts',
  'tests/integration/engine/policies.test.ts',
  'tests/integration/isolation/delegation.test.ts',
  'tests/integration/isolation/mounts.test.ts',
  'tests/integration/isolation/nested.test.ts',
  'tests/integration/isolation/privileges.test.ts',
];
