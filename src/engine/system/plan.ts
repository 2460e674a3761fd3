import { describePlan } from '../../spec/plan/describe-plan.js';
import type { EngineContext } from '../context.js';
import { compileContainer } from '../launch/launch-input.js';

/** What a start of the container would ask of the keeper, readable. */
export async function containerPlan(context: EngineContext, reference: string): Promise<unknown> {
  const record = context.records.containers.resolve(reference);
  return describePlan(compileContainer(context, record).plan);
}
