import { painter, type Paint } from './render/colour.js';

/** The two output streams of the program. Everything that a command prints goes through here. */
export class Output {
  readonly #stdout: NodeJS.WriteStream;
  readonly #stderr: NodeJS.WriteStream;
  /** Results as JSON (`--json`). */
  readonly json: boolean;
  /** Styles for stdout and for stderr: plain text where there is no terminal. */
  readonly paint: Paint;
  readonly paintError: Paint;

  constructor(
    streams: Pick<NodeJS.Process, 'stdout' | 'stderr'>,
    settings: { readonly json: boolean },
  ) {
    this.#stdout = streams.stdout;
    this.#stderr = streams.stderr;
    this.json = settings.json;
    const environment = process.env;
    this.paint = painter({ isTerminal: this.#stdout.isTTY, environment });
    this.paintError = painter({ isTerminal: this.#stderr.isTTY, environment });
  }

  get isTerminal(): boolean {
    return this.#stdout.isTTY;
  }

  get size(): { readonly columns: number; readonly rows: number } {
    return { columns: this.#stdout.columns ?? 80, rows: this.#stdout.rows ?? 24 };
  }

  /** Lines on stdout, written at once. */
  lines(lines: readonly string[]): void {
    if (lines.length > 0) this.#stdout.write(`${lines.join('\n')}\n`);
  }

  line(line: string): void {
    this.lines([line]);
  }

  /** Text on stdout as it is. */
  raw(text: string): void {
    this.#stdout.write(text);
  }

  /** One object as one line of JSON on stdout. */
  object(value: unknown): void {
    this.line(JSON.stringify(value));
  }

  /** A line on stderr. */
  note(line: string): void {
    this.#stderr.write(`${line}\n`);
  }

  /** Where progress is drawn. */
  get progressTarget(): {
    readonly isTerminal: boolean;
    readonly columns: number;
    write(text: string): void;
  } {
    const stream = this.#stderr;
    return {
      isTerminal: stream.isTTY,
      columns: stream.columns ?? 80,
      write: (text) => {
        stream.write(text);
      },
    };
  }
}
