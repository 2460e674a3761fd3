import { assertType, expectTypeOf, test } from 'vitest';
import {
  type BatchResult,
  type ContainerConfig,
  type ContainerHandle,
  Engine,
  type ExecResult,
  type ExitInfo,
  isWarrenError,
} from '../../src/index.js';

declare const engine: Engine;
declare const container: ContainerHandle;

test('an engine is opened, not made', () => {
  // @ts-expect-error the constructor is private
  new Engine();
  expectTypeOf<ReturnType<typeof Engine.open>>().resolves.toEqualTypeOf<Engine>();
});

test('a config needs an image and takes known fields only', () => {
  assertType<ContainerConfig>({ image: 'tiny' });
  // @ts-expect-error no image
  assertType<ContainerConfig>({ command: ['true'] });
  // @ts-expect-error a command is a list
  assertType<ContainerConfig>({ image: 'tiny', command: 'true' });
  // @ts-expect-error unknown field
  assertType<ContainerConfig>({ image: 'tiny', memory: 1 });
  // @ts-expect-error a bind needs a source
  assertType<ContainerConfig>({ image: 'tiny', mounts: [{ type: 'bind', target: '/x' }] });
  assertType<ContainerConfig>({ image: 'tiny', network: 'back', networks: [{ network: 'back' }] });
});

test('results of a batch are used only after a look at ok', () => {
  const result = {} as BatchResult<ContainerHandle>;
  // @ts-expect-error may have failed
  void result.value;
  if (result.ok) expectTypeOf(result.value).toEqualTypeOf<ContainerHandle>();
  else expectTypeOf(result.error.kind).toBeString();
});

test('an exec ends with an exit code or a signal', () => {
  expectTypeOf(container.exec(['true'])).resolves.toEqualTypeOf<ExecResult>();
  expectTypeOf<ExecResult['exitCode']>().toEqualTypeOf<number | null>();
  // @ts-expect-error the command is a list
  void container.exec('true');
});

test('wait has its words', () => {
  expectTypeOf(container.wait({ condition: 'next-exit' })).resolves.toEqualTypeOf<ExitInfo>();
  // @ts-expect-error not a condition
  void container.wait({ condition: 'dead' });
});

test('what the library gives is not changed in place', () => {
  // @ts-expect-error readonly
  container.spec.image = 'other';
  // @ts-expect-error readonly
  engine.containers = engine.containers;
});

test('errors are told apart by their kind', () => {
  const error: unknown = null;
  if (isWarrenError(error, 'notFound'))
    expectTypeOf(error.hint).toEqualTypeOf<string | undefined>();
  // @ts-expect-error not a kind
  isWarrenError(error, 'missing');
});
