import { LinkedAbort } from '../../base/abort.js';
import { mapBounded } from '../../base/limit.js';

/**
 * As {@link mapBounded}; the first failure aborts the signal that the parts get, so that nobody waits for work that is of no use
 * any more. That failure is thrown.
 */
export async function allOrNone<T, R>(
  items: readonly T[],
  options: { readonly limit: number; readonly signal: AbortSignal | undefined },
  work: (item: T, index: number, signal: AbortSignal) => Promise<R>,
): Promise<R[]> {
  using own = new LinkedAbort(options.signal);
  return await mapBounded(items, options.limit, async (item, index) => {
    try {
      return await work(item, index, own.signal);
    } catch (error) {
      own.abort(error);
      throw error;
    }
  });
}
