import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Script } from 'node:vm';
import { crc32 } from 'node:zlib';
import { errnoOf } from '../../base/errors.js';

interface Module {
  exports: unknown;
}

/** Called with what a CommonJS module finds: exports, require, module, __filename, __dirname. */
type Body = (...found: readonly unknown[]) => void;

const before = '(function (exports, require, module, __filename, __dirname) {';
const after = '\n})';

/** Of the source that code was made of, in front of that code. */
const checksumBytes = 4;

/**
 * The files of the bundled program (CommonJS), each with the code that V8 made of it when Warren was built. V8 takes the code of its own version and flags only, and compiles otherwise; what it does not look
 * at, whether the source is still the same, is looked at here.
 */
export class ProgramFiles {
  readonly #directory: string;
  readonly #require: NodeJS.Require;
  readonly #modules = new Map<string, Module>();
  readonly #scripts = new Map<string, Script>();

  /** @param require what a file of the directory has by this name: for packages and Node's own modules */
  constructor(directory: string, require: NodeJS.Require) {
    this.#directory = directory;
    this.#require = require;
  }

  /** What the file exports, which is run when it was not. */
  load(name: string): unknown {
    const known = this.#modules.get(name);
    if (known !== undefined) return known.exports;
    const module: Module = { exports: {} };
    this.#modules.set(name, module);
    const path = join(this.#directory, name);
    const body = this.#script(name, path).runInThisContext() as Body;
    const find = Object.assign(
      (wanted: string): unknown =>
        wanted.startsWith('./') ? this.load(wanted.slice(2)) : this.#require(wanted),
      { resolve: this.#require.resolve },
    );
    body.call(module.exports, module.exports, find, module, path, dirname(path));
    return module.exports;
  }

  /** What to keep of each file that was run, by the name of its file: what V8 has compiled of it by now. */
  code(): ReadonlyMap<string, Buffer> {
    return new Map(
      [...this.#scripts].map(([name, script]) => [
        `${name}${codeSuffix}`,
        Buffer.concat([
          checksumOf(readFileSync(join(this.#directory, name))),
          script.createCachedData(),
        ]),
      ]),
    );
  }

  #script(name: string, path: string): Script {
    const source = readFileSync(path);
    const cachedData = codeOf(path, source);
    // The bundler leaves nothing but ASCII, for which V8 needs no decoding.
    const script = new Script(before + source.toString('latin1') + after, {
      filename: path,
      columnOffset: -before.length,
      ...(cachedData === undefined ? {} : { cachedData }),
    });
    this.#scripts.set(name, script);
    return script;
  }
}

const codeSuffix = '.code';

function checksumOf(source: Buffer): Buffer {
  const bytes = Buffer.alloc(checksumBytes);
  bytes.writeUInt32LE(crc32(source));
  return bytes;
}

/** undefined where none was kept, or of another source. */
function codeOf(path: string, source: Buffer): Buffer | undefined {
  try {
    const kept = readFileSync(path + codeSuffix);
    const isOfSource = kept.length > checksumBytes && kept.readUInt32LE() === crc32(source);
    return isOfSource ? kept.subarray(checksumBytes) : undefined;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}
