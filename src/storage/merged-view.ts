import { join } from 'node:path';
import { isWarrenError, WarrenError } from '../base/errors.js';
import { nativeProgramPath } from '../host/native-path.js';
import type { Host, RunResult } from '../host/port.js';
import { DirectoryHandle } from '../host/tree/directory-handle.js';

export interface ViewRequest {
  readonly dataRoot: string;
  readonly host: Pick<Host, 'run'>;
  /** Store-relative, top first. */
  readonly layers: readonly string[];
  /** Store-relative. Without it the view is read-only. */
  readonly writable?: { readonly upper: string; readonly work: string };
}

/** Layers merged by the kernel's overlay until it is disposed; no mount namespace shows them. */
export interface MergedView extends AsyncDisposable {
  readonly root: DirectoryHandle;
  /** A path to it for programs that we start. */
  readonly path: string;
}

/**
 * Shows layers as a container would see them. A writable view of a layer that a running container uses
 * would corrupt it: the caller holds the container's lock and knows that it does not run.
 * Throws unavailable (VIEW_FAILED).
 */
export async function openMergedView(request: ViewRequest): Promise<MergedView> {
  const [only, ...others] = request.layers;
  if (only !== undefined && others.length === 0 && request.writable === undefined) {
    return openSingleLayer(join(request.dataRoot, only));
  }
  const end = new AbortController();
  const { upper, work } = request.writable ?? { upper: '', work: '' };
  let program: Promise<RunResult> | undefined;
  const line = await new Promise<string>((resolve, reject) => {
    program = request.host.run(
      nativeProgramPath('warren-files'),
      ['view', upper, work, ...request.layers],
      { cwd: request.dataRoot, signal: end.signal, onLine: resolve },
    );
    program.then((result) => reject(viewFailed(result.stderr)), reject);
  });
  const closeProgram = async (): Promise<void> => {
    end.abort();
    await program?.catch((error: unknown) => {
      if (!isWarrenError(error, 'canceled')) throw error;
    });
  };
  const [word, pid, fd] = line.split(' ');
  if (word !== 'ready' || pid === undefined || fd === undefined) {
    await closeProgram();
    throw viewFailed(line);
  }
  const path = `/proc/${pid}/fd/${fd}`;
  try {
    const root = await DirectoryHandle.open(path);
    return {
      root,
      path,
      [Symbol.asyncDispose]: async () => {
        await root.close();
        await closeProgram();
      },
    };
  } catch (error) {
    await closeProgram();
    throw error;
  }
}

/** Nothing to merge: no program is needed. */
async function openSingleLayer(path: string): Promise<MergedView> {
  const root = await DirectoryHandle.open(path);
  return { root, path, [Symbol.asyncDispose]: () => root.close() };
}

function viewFailed(text: string): WarrenError {
  const reason = text.trim().replace(/^warren-files: cannot /, '') || 'the program ended early';
  return new WarrenError(
    'unavailable',
    'VIEW_FAILED',
    `Cannot show a container's files: cannot ${reason}`,
  );
}
