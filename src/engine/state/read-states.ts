import type { KeeperState } from '../../host/port.js';
import { isAlive } from '../../host/process-identity.js';
import type { ContainerRecord, ContainerState } from '../../model/container.js';
import type { EngineContext } from '../context.js';
import { commitExits } from './commit-exits.js';
import { mergeState } from './merge-state.js';

/** Naming containers costs as much as getting states that nobody asked for. */
const askForAllShare = 0.5;

/**
 * States by container id, as the keepers tell them now. A keeper that does not run is started: what it supervised may run, and only
 * the next keeper, which adopts it, can tell.
 */
export async function keeperStates(
  context: EngineContext,
  records: readonly ContainerRecord[],
): Promise<ReadonlyMap<string, KeeperState>> {
  const byInstance = new Map<number, string[]>();
  for (const { id, phase, run } of records) {
    if (phase !== 'started' || run?.bootId !== context.facts.bootId) continue;
    const ids = byInstance.get(run.keeper);
    if (ids === undefined) byInstance.set(run.keeper, [id]);
    else ids.push(id);
  }
  const states = new Map<string, KeeperState>();
  const all = context.records.containers.count() * askForAllShare;
  for (const [instance, ids] of byInstance) {
    const keeper = await context.keepers.start(instance);
    for (const state of await keeper.containers.list(ids.length > all ? [] : ids)) {
      states.set(state.container, state);
    }
  }
  return states;
}

/**
 * The state of each record, in order. Ends that only keepers know so far are written into the records on the way (whoever sees
 * an exit commits it), which does not change what is returned.
 */
export async function readStates(
  context: EngineContext,
  records: readonly ContainerRecord[],
): Promise<readonly ContainerState[]> {
  const keepers = await keeperStates(context, records);
  const absent = records.some(({ id, phase }) => phase === 'started' && !keepers.has(id));
  const launching = absent ? launchingNow(context) : new Set<string>();
  const { bootId } = context.facts;
  const states = records.map((record) =>
    mergeState(record, {
      bootId,
      keeper: keepers.get(record.id),
      launching: launching.has(record.id),
    }),
  );
  await commitExits(context, records, keepers);
  return states;
}

interface Gathered {
  readonly records: ContainerRecord[];
  readonly states: Promise<readonly ContainerState[]>;
}

const gathering = new WeakMap<EngineContext, Gathered>();

/** The state of one container. Reads that begin in one turn of the event loop are one request to each keeper. */
export async function readState(
  context: EngineContext,
  record: ContainerRecord,
): Promise<ContainerState> {
  const { records, states } = gathering.get(context) ?? gather(context);
  const index = records.push(record) - 1;
  const state = (await states)[index];
  if (state === undefined) throw new Error('One record has one state');
  return state;
}

function gather(context: EngineContext): Gathered {
  const records: ContainerRecord[] = [];
  const states = endOfTurn().then(async () => {
    gathering.delete(context);
    return await readStates(context, records);
  });
  const gathered = { records, states };
  gathering.set(context, gathered);
  return gathered;
}

async function endOfTurn(): Promise<void> {
  await new Promise<void>((resolve) => {
    process.nextTick(resolve);
  });
}

/** Containers that living processes are launching at this moment. */
export function launchingNow(context: EngineContext): ReadonlySet<string> {
  const { bootId } = context.facts;
  return new Set(
    context.records.intents
      .list()
      .filter(({ operation }) => operation === 'start' || operation === 'run')
      .filter((intent) => isAlive(intent, bootId))
      .flatMap(({ subjects }) => subjects),
  );
}
