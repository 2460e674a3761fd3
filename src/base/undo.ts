interface UndoStep {
  readonly name: string;
  readonly undo: () => void | Promise<void>;
}

/**
 * The inverse of multi-step work: register the undo of a step right after it succeeded, `unwind` on failure, `commit`
 * when the whole is done.
 *
 *     await using undo = new UndoStack();   // unwinds unless committed
 *     await make();
 *     undo.defer('make', () => unmake());
 *     undo.commit();
 */
export class UndoStack implements AsyncDisposable {
  #steps: UndoStep[] = [];

  defer(name: string, undo: () => void | Promise<void>): void {
    this.#steps.push({ name, undo });
  }

  /** Forgets all steps: what was done stays. */
  commit(): void {
    this.#steps = [];
  }

  /**
   * Runs all steps in reverse order, each once, whatever the others do.
   * @throws AggregateError naming the steps that failed
   */
  async unwind(): Promise<void> {
    const steps = this.#steps.reverse();
    this.#steps = [];
    const failures: Error[] = [];
    for (const { name, undo } of steps) {
      try {
        await undo();
      } catch (error) {
        failures.push(new Error(`Cannot undo ${name}: ${messageOf(error)}`, { cause: error }));
      }
    }
    if (failures.length > 0) {
      throw new AggregateError(failures, failures.map((failure) => failure.message).join('; '));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.unwind();
  }
}

/**
 * Runs `work` with an undo stack: committed when it returns, unwound when it throws. The error of `work` is the one that
 * is thrown; failures of the undo are attached to it as the cause's aggregate.
 */
export async function withUndo<T>(work: (undo: UndoStack) => Promise<T>): Promise<T> {
  const undo = new UndoStack();
  let result: T;
  try {
    result = await work(undo);
  } catch (error) {
    try {
      await undo.unwind();
    } catch (failure) {
      throw new AggregateError([error, failure], `${messageOf(error)} (and ${messageOf(failure)})`);
    }
    throw error;
  }
  undo.commit();
  return result;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
