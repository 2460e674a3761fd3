import { createHash } from 'node:crypto';
import { statSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { errnoOf, WarrenError } from '../base/errors.js';

/** Held until disposed, or until its process ends. */
export interface ProcessLock extends AsyncDisposable {
  release(): Promise<void>;
}

export interface ProcessLockOptions {
  readonly signal?: AbortSignal;
  /** Called once when somebody else holds the lock. */
  readonly onWait?: () => void;
}

/** All of a socket's name: its length must not depend on how Node pads shorter ones. */
const nameLength = 107;

/**
 * Takes a lock that excludes other processes on this machine, waiting for whoever holds it. The name
 * is that of an abstract unix socket: the kernel frees it with the process, so that none is ever
 * stale, and a waiter learns of the end by its connection. `directory` must exist; its inode is
 * part of the name, so every path to it means the same lock. Not re-entrant.
 */
export async function lockAcrossProcesses(
  directory: string,
  name: string,
  options: ProcessLockOptions = {},
): Promise<ProcessLock> {
  const { dev, ino } = statSync(directory);
  const digest = createHash('sha256').update(`${dev}:${ino}:${name}`).digest('hex');
  const path = `\0${`warren-lock-${digest}`.padEnd(nameLength, '-')}`;
  let waited = false;
  for (;;) {
    options.signal?.throwIfAborted();
    const lock = await tryListen(path);
    if (lock !== null) return lock;
    if (!waited) options.onWait?.();
    waited = true;
    await untilReleased(path, options.signal);
  }
}

function tryListen(path: string): Promise<ProcessLock | null> {
  return new Promise((resolve, reject) => {
    const waiters = new Set<Socket>();
    const server = createServer((socket) => {
      waiters.add(socket);
      // A waiter that ends is no failure of the holder.
      socket.on('error', () => socket.destroy());
      socket.on('close', () => waiters.delete(socket));
    });
    server.once('error', (error) => {
      if (errnoOf(error) === 'EADDRINUSE') resolve(null);
      else {
        reject(
          new WarrenError('unavailable', 'LOCK_FAILED', `Cannot lock: ${error.message}`, {
            cause: error,
          }),
        );
      }
    });
    server.listen({ path }, () => {
      // A lock alone does not keep its process alive.
      server.unref();
      resolve(heldLock(server, waiters));
    });
  });
}

function heldLock(server: Server, waiters: ReadonlySet<Socket>): ProcessLock {
  let released: Promise<void> | undefined;
  const release = (): Promise<void> => {
    released ??= new Promise((resolve) => {
      server.close(() => resolve());
      for (const socket of waiters) socket.destroy();
    });
    return released;
  };
  return { release, [Symbol.asyncDispose]: release };
}

/** Resolves when the holder is gone, or was when we looked. */
function untilReleased(path: string, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect({ path });
    const give = (): void => {
      socket.destroy();
    };
    signal?.addEventListener('abort', give, { once: true });
    socket.on('error', give);
    socket.on('close', () => {
      signal?.removeEventListener('abort', give);
      resolve();
    });
  });
}
