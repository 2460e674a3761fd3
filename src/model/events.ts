import type { ExitInfo, HealthStatus } from './container.js';

interface ContainerEventBase {
  readonly type: 'container';
  readonly timeMs: number;
  readonly id: string;
  readonly name: string;
  readonly image: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** Docker's actions where Docker has one. */
export type ContainerEvent = ContainerEventBase &
  (
    | {
        readonly action:
          | 'create'
          | 'start'
          | 'pause'
          | 'unpause'
          | 'restart'
          | 'stop'
          | 'update'
          | 'destroy'
          | 'attach'
          | 'detach'
          | 'oom'
          | 'adopted';
      }
    | { readonly action: 'die'; readonly exit: ExitInfo }
    | { readonly action: 'kill'; readonly signal: string }
    | { readonly action: 'rename'; readonly oldName: string }
    | { readonly action: 'health_status'; readonly health: HealthStatus; readonly output: string }
    | { readonly action: 'exec_start'; readonly pid: number }
    | { readonly action: 'exec_die'; readonly pid: number; readonly exit: ExitInfo }
    | { readonly action: 'lease_expired'; readonly lease: 'ttl' | 'idle' | 'owner' }
    | { readonly action: 'log_dropped'; readonly lines: number }
  );

export interface ImageEvent {
  readonly type: 'image';
  readonly timeMs: number;
  readonly action: 'build' | 'tag' | 'untag' | 'delete';
  readonly id: string;
  readonly name: string;
}

export interface VolumeEvent {
  readonly type: 'volume';
  readonly timeMs: number;
  readonly action: 'create' | 'destroy' | 'prune';
  readonly name: string;
}

export interface NetworkEvent {
  readonly type: 'network';
  readonly timeMs: number;
  readonly action: 'create' | 'destroy' | 'connect' | 'disconnect';
  readonly id: string;
  readonly name: string;
  /** Of connect and disconnect. */
  readonly container?: string;
}

export type EngineEvent = ContainerEvent | ImageEvent | VolumeEvent | NetworkEvent;

/** Progress of one long call, for whoever asked for it: the CLI draws it, a program may ignore it. */
export type ProgressEvent =
  | { readonly kind: 'step'; readonly name: string; readonly detail: string }
  | { readonly kind: 'count'; readonly name: string; readonly done: number; readonly total: number }
  | {
      readonly kind: 'bytes';
      readonly name: string;
      readonly done: number;
      readonly total: number | null;
    }
  | { readonly kind: 'warning'; readonly message: string };

export type OnProgress = (event: ProgressEvent) => void;
