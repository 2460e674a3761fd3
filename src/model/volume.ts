/** A named place for data that outlives containers. */
export interface Volume {
  readonly name: string;
  readonly createdAtMs: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly anonymous: boolean;
}
