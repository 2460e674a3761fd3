import type { NetworkMode } from '../../model/container-config.js';

export interface BuildOptions {
  /** The directory whose files COPY and ADD see. */
  readonly context: string;
  /** A tar, perhaps compressed, in the place of the directory; `context` is then only its name. */
  readonly contextArchive?: AsyncIterable<Uint8Array>;
  /** Path of the Dockerfile. @default `Dockerfile` in the context */
  readonly dockerfile?: string;
  /** The Dockerfile itself; `dockerfile` is then only its name in messages. */
  readonly dockerfileText?: string;
  /** Names for the image. @default none: it has only its id */
  readonly tags?: readonly string[];
  /** Values of ARGs. */
  readonly buildArgs?: Readonly<Record<string, string>>;
  /** Name or number of the last stage to build. @default the last one */
  readonly target?: string;
  /** Every step runs again. @default false */
  readonly noCache?: boolean;
  /** Contents by id: they reach the steps that mount them and nothing else. */
  readonly secrets?: Readonly<Record<string, Buffer>>;
  /** Added to the image's. */
  readonly labels?: Readonly<Record<string, string>>;
  /** `linux/amd64`: only this machine's can be built. @default this machine's */
  readonly platform?: string;
  /** When images that the Dockerfile names are fetched from their registry. @default 'never' */
  readonly pull?: 'always' | 'missing' | 'never';
  /** Of RUN steps. @default the engine's default */
  readonly network?: NetworkMode;
  readonly onEvent?: (event: BuildEvent) => void;
  readonly signal?: AbortSignal;
}

/** What happens in a build, in order. */
export type BuildEvent =
  | {
      readonly kind: 'step';
      /** Counts from 1 through the whole build. */
      readonly step: number;
      /** Name or number of the stage, and which of its steps this is. */
      readonly stage: string;
      readonly index: number;
      readonly total: number;
      /** The instruction, on one line. */
      readonly text: string;
    }
  | { readonly kind: 'cached'; readonly step: number }
  | { readonly kind: 'output'; readonly step: number; readonly text: string }
  | { readonly kind: 'done'; readonly step: number; readonly ms: number }
  | { readonly kind: 'warning'; readonly message: string };
