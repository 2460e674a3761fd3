/** The part of fs-native-extensions (which has no types) that is used: OFD locks of a whole file, see fcntl(2). */
declare module 'fs-native-extensions' {
  /** Locks for writing; false: another open file description holds it. */
  export function tryLock(fd: number): boolean;
  /** Locks for writing, waiting on a thread of libuv's pool. */
  export function waitForLock(fd: number): Promise<void>;
  export function unlock(fd: number): void;
}
