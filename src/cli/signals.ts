import { setMaxListeners } from 'node:events';
import { signalExitCode } from './exit-code.js';

/** Signals that ask a program to end. */
const ending: readonly NodeJS.Signals[] = ['SIGINT', 'SIGTERM', 'SIGHUP'];

/** What a terminal or a supervisor may send, all of which an attached container gets. */
const proxied: readonly NodeJS.Signals[] = [
  ...ending,
  'SIGQUIT',
  'SIGUSR1',
  'SIGUSR2',
  'SIGALRM',
  'SIGCONT',
  'SIGTSTP',
];

/** After this many the program ends at once, whatever it does. */
const patience = 3;

/**
 * Signals sent to this program. At first they abort `signal`, so that what was begun is undone; while a process is
 * attached they may go to it instead.
 */
export class Signals {
  readonly #controller = new AbortController();
  #received: NodeJS.Signals | undefined;
  #count = 0;

  constructor() {
    // One call for thousands of containers listens thousands of times.
    setMaxListeners(0, this.#controller.signal);
    for (const name of ending) process.on(name, () => this.#end(name));
  }

  /** Fires at the first signal that is not proxied. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** The signal that ended the work, if one did. */
  get received(): NodeJS.Signals | undefined {
    return this.#received;
  }

  /** Ends the work because nobody reads stdout any more: the program would get SIGPIPE if it were not ignored. */
  readerGone(): void {
    this.#received ??= 'SIGPIPE';
    this.#controller.abort(new Error('Nobody reads the output'));
  }

  /** Hands signals to `deliver` until disposed. */
  proxy(deliver: (signal: NodeJS.Signals) => void): Disposable {
    this.#deliver = deliver;
    const added = proxied.filter((name) => !ending.includes(name));
    for (const name of added) process.on(name, deliver);
    return {
      [Symbol.dispose]: () => {
        this.#deliver = undefined;
        for (const name of added) process.off(name, deliver);
      },
    };
  }

  #deliver: ((signal: NodeJS.Signals) => void) | undefined;

  #end(name: NodeJS.Signals): void {
    this.#count += 1;
    if (this.#count >= patience) process.exit(signalExitCode(name));
    if (this.#deliver !== undefined) {
      this.#deliver(name);
      return;
    }
    this.#received ??= name;
    this.#controller.abort(new Error(`The program got ${name}`));
  }
}
