/** What this kernel and machine offer; `doctor` prints it, plans are built by it. */
export interface KernelFacts {
  readonly release: string;
  /** e.g. 6.18 → 618: major × 100 + minor. */
  readonly version: number;
  readonly architecture: 'x64' | 'arm64';
  readonly bootId: string;
  readonly cpus: number;
  readonly memoryBytes: number;
  readonly swapBytes: number;
  readonly isRoot: boolean;
  /** Effective capability mask of this process. */
  readonly capabilities: bigint;
  readonly lastCapability: number;
  readonly filesystems: readonly string[];
  readonly lsms: readonly string[];
  readonly userNamespaces: boolean;
  readonly seccompActions: readonly string[];
  readonly rlimits: Readonly<Record<string, { readonly soft: number; readonly hard: number }>>;
  readonly pidMax: number;
}
