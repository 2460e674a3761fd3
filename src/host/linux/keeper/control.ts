import { WarrenError } from '../../../base/errors.js';
import { untilEnded } from '../../process-identity.js';
import type { KeeperControl, KeeperService, KeeperStatus } from '../../port.js';
import { request as requests } from '../protocol.js';
import { decodeStatus } from './replies.js';
import { requireProtocol } from './require-protocol.js';
import type { Sessions } from './session.js';

const holderEndMs = 30_000;
const serviceSince = 3;

/** The keeper itself. */
export class ControlClient implements KeeperControl {
  readonly #sessions: Sessions;
  readonly #program: () => Promise<string>;

  constructor(sessions: Sessions, program: () => Promise<string>) {
    this.#sessions = sessions;
    this.#program = program;
  }

  async configure(config: Parameters<KeeperControl['configure']>[0]): Promise<void> {
    await this.#sessions.repeatedly((session) =>
      session.command({
        type: requests.config,
        payload: (writer) =>
          writer.strings(config.reconcile).strings(config.environment).u8(config.logLevel),
        attempt: { action: 'configure the keeper', object: '' },
      }),
    );
  }

  async serve(service: KeeperService | null): Promise<void> {
    await this.#sessions.repeatedly((session) => {
      requireProtocol(session, { since: serviceSince, action: 'serve names' });
      const { argv, environment, anew } = service ?? { argv: [], environment: [], anew: false };
      return session.command({
        type: requests.service,
        payload: (writer) => writer.strings(argv).strings(environment).bool(anew),
        attempt: { action: 'start the service', object: argv[0] ?? '' },
      });
    });
  }

  async status(): Promise<KeeperStatus> {
    return this.#sessions.repeatedly((session) =>
      session.call({
        type: requests.status,
        attempt: { action: 'ask for the status of the keeper', object: '' },
        decode: decodeStatus,
      }),
    );
  }

  async shutdown(force: boolean): Promise<void> {
    const ending = await this.#sessions.once(async (session) => {
      await session.command({
        type: requests.shutdown,
        payload: (writer) => writer.bool(force),
        attempt: { action: 'end the keeper', object: '' },
      });
      return session.hello;
    });
    // The holder ends last and takes the keeper's cgroup with it; a keeper may have lost its holder.
    for (const pid of [ending.pid, ending.holderPid]) {
      if (pid <= 1 || (await untilEnded(pid, holderEndMs))) continue;
      throw new WarrenError('timedOut', 'KEEPER_ENDING', 'The keeper has not ended yet', {
        hint: 'See keeper.log in the run dir',
      });
    }
  }

  async upgrade(): Promise<void> {
    const program = await this.#program();
    await this.#sessions.once((session) =>
      session.command({
        type: requests.upgrade,
        payload: (writer) => writer.str(program),
        attempt: { action: 'upgrade the keeper', object: '' },
      }),
    );
  }
}
