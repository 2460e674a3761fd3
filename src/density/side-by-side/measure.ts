import { throwIfAborted } from '../../base/abort.js';
import { isWarrenError } from '../../base/errors.js';
import { UndoStack } from '../../base/undo.js';
import { peers } from '../peers/all.js';
import type { PeerVariant } from '../peers/peer.js';
import { warren } from '../peers/warren.js';
import type { PeerFigures } from './figures.js';
import { peerSystem } from './peer-system.js';
import { rawSystem } from './raw-system.js';
import { figuresOf, type ReadySystem, type SideBySide, type System } from './system.js';
import { orderOf, turnCount, turnOf } from './turns.js';

/** Every chosen system in every chosen configuration, Warren with them. They take turns in changing order; only one has containers at a time. */
export async function measureSideBySide(sideBySide: SideBySide): Promise<readonly PeerFigures[]> {
  const { scenario } = sideBySide;
  if (scenario.peers.length === 0) return [];
  const systems = systemsOf(sideBySide);
  for (let round = 0; round < scenario.repeat; round += 1) {
    await measureRepeat(systems, sideBySide);
  }
  return systems.map(figuresOf);
}

function systemsOf(sideBySide: SideBySide): readonly System[] {
  const { peers: choices } = sideBySide.scenario;
  const chosen = choices.flatMap(({ name, variant }) => {
    const peer = peers.find((candidate) => candidate.name === name);
    if (peer === undefined) return [];
    const variants: readonly PeerVariant[] = variant === null ? ['default', 'equal'] : [variant];
    return variants.map((one) => peerSystem({ peer, variant: one }, sideBySide));
  });
  return [
    ...(choices.some(({ name }) => name === 'raw') ? [rawSystem(sideBySide)] : []),
    peerSystem({ peer: warren, variant: 'default' }, sideBySide),
    ...chosen,
  ];
}

/** All are made ready first: their daemons idle while any of them is measured. */
async function measureRepeat(systems: readonly System[], sideBySide: SideBySide): Promise<void> {
  await using closing = new UndoStack();
  const ready = new Map<System, ReadySystem>();
  for (const system of systems) {
    announce(sideBySide, system, 'is made ready');
    await unlessUnavailable(system, async () => {
      const opened = await system.open();
      closing.defer(`the making of ${system.title}`, async () => await opened.close());
      ready.set(system, opened);
      system.version = opened.version;
      system.readiness = opened.readiness;
    });
  }
  for (let index = 0; index < turnCount; index += 1) {
    for (const system of orderOf(systems, index)) {
      const turn = turnOf(index, system.count);
      const opened = ready.get(system);
      if (turn === null || opened === undefined) continue;
      announce(sideBySide, system, `launches ${turn.count}`);
      await unlessUnavailable(system, async () => {
        system.rounds.push(await opened.take(turn));
      });
    }
  }
}

function announce(
  { context: { onProgress, signal } }: SideBySide,
  { title, variant }: System,
  detail: string,
): void {
  throwIfAborted(signal, 'measure others');
  onProgress({ kind: 'step', name: `${title} (${variant})`, detail });
}

/** A system that cannot run here, or no longer, is listed with the reason and left out from then on. */
async function unlessUnavailable(system: System, work: () => Promise<void>): Promise<void> {
  if (system.reason !== null) return;
  try {
    await work();
  } catch (error) {
    if (!isWarrenError(error, 'unavailable')) throw error;
    system.reason = error.message;
  }
}
