/** A named place for data that outlives containers. */
export interface Volume {
  readonly name: string;
  readonly createdAtMs: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly anonymous: boolean;
  /** Anonymous, and another container than the one that it was made for has mounted it. */
  readonly shared?: boolean;
}
