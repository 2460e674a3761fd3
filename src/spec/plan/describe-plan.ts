/** A plan's operations, readable: for `inspect --plan` and tests. */
export interface PlanDescription {
  readonly operations: readonly OperationDescription[];
}

export interface OperationDescription {
  /** The protocol page's name: `CGROUP_MAKE`. */
  readonly operation: string;
  readonly phase: 'host-before' | 'host-after' | 'child' | 'cleanup';
  readonly flags: readonly string[];
  readonly fields: Readonly<Record<string, unknown>>;
}

/** Decodes a plan. Throws `corrupt` (PLAN_DAMAGED) when it is none. */
export function describePlan(plan: Uint8Array): PlanDescription {
  throw new Error(`Not available yet for ${plan.length} bytes`);
}
