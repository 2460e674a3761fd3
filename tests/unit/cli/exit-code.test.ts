import { describe, expect, test } from 'vitest';
import { WarrenError, type ErrorKind } from '../../../src/base/errors.js';
import { exitCodeOf, processExitCode, signalExitCode } from '../../../src/cli/exit-code.js';

function error(kind: ErrorKind, code = 'X'): WarrenError {
  return new WarrenError(kind, code, 'Cannot do it: reason');
}

describe('the exit code of a failed command', () => {
  test.each([
    ['run', error('notFound'), 125],
    ['run', error('commandNotFound'), 127],
    ['run', error('commandNotExecutable'), 126],
    ['run', new Error('bug'), 125],
    ['exec', error('notFound'), 1],
    ['exec', error('commandNotFound'), 127],
    ['start', error('commandNotExecutable'), 126],
    ['ps', error('invalidArgument', 'BAD_FLAG_VALUE'), 125],
    ['ps', error('invalidArgument', 'UNKNOWN_FLAG'), 125],
    ['ps', error('invalidArgument', 'BAD_USAGE'), 1],
    ['rm', error('conflict'), 1],
    ['', error('invalidArgument', 'BAD_USAGE'), 1],
  ])('%s: %s gives %d', (command, failure, code) => {
    expect(exitCodeOf(failure, { command })).toBe(code);
  });

  test('is that of the signal when the user ended the work', () => {
    expect(exitCodeOf(error('canceled'), { command: 'run', signal: 'SIGINT' })).toBe(130);
    expect(exitCodeOf(error('conflict'), { command: 'rm', signal: 'SIGINT' })).toBe(1);
  });
});

test('the exit code of a process is its own, or 128 and its signal', () => {
  expect(processExitCode({ exitCode: 7, signal: null })).toBe(7);
  expect(processExitCode({ exitCode: null, signal: 'SIGKILL' })).toBe(137);
  expect(processExitCode({ exitCode: null, signal: null })).toBe(125);
  expect(signalExitCode('SIGTERM')).toBe(143);
});
