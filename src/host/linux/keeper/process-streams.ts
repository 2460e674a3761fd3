import type { KeeperContainers, KeeperExit, ProcessStreams } from '../../port.js';
import { request as requests, signalScopes } from '../protocol.js';
import type { ProcessConversation } from './process-request.js';
import type { Session } from './session.js';

interface StreamsContext {
  readonly session: Session;
  readonly container: string;
  readonly kind: 'launch' | 'exec' | 'attach';
  readonly containers: KeeperContainers;
  /** The request went on after the start: it tells the exit itself. */
  readonly followed: boolean;
}

/** The port's view of a conversation that has started. */
export function processStreams(
  conversation: ProcessConversation,
  context: StreamsContext,
): ProcessStreams {
  const { session, container, kind, containers } = context;
  const attempt = {
    action: kind === 'exec' ? 'signal exec in container' : 'signal container',
    object: container,
  };
  const exec = kind === 'exec' ? conversation.id : 0;
  return {
    stdin: conversation.stdin,
    stdout: conversation.stdout,
    stderr: conversation.stderr,
    get exit(): Promise<KeeperExit> {
      return context.followed ? conversation.exit : containers.wait(container, 'not-running');
    },
    async resize({ columns, rows }): Promise<void> {
      await session.command({
        type: requests.resize,
        payload: (writer) => writer.u64(exec).str(container).u16(columns).u16(rows),
        attempt: { action: 'resize the terminal of container', object: container },
      });
    },
    async kill(signal: number): Promise<void> {
      if (exec === 0) return containers.signal(container, signal, 'init');
      await session.command({
        type: requests.signal,
        payload: (writer) => writer.str(container).i32(signal).u8(signalScopes.exec).u64(exec),
        attempt,
      });
    },
    async detach(): Promise<void> {
      // Cancelling an exec would kill it: its output is read and thrown away instead.
      if (kind !== 'exec') conversation.cancel();
      conversation.stdout?.destroy();
      conversation.stderr?.destroy();
    },
  };
}
