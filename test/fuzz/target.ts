/** What is fuzzed: a reader of bytes from elsewhere, and what must hold of any bytes that it is given. */

export interface Target {
  /** In words; with `-` between them it is the name of the file of its corpus. */
  readonly name: string;
  /** Valid encodings to begin with. */
  readonly seeds: readonly Uint8Array[];
  /** Words of the format, which chance would not find. */
  readonly words?: readonly string[];
  /** Longest input, bytes. Default `INPUT_BYTES_MAX`; longer where it is wrong only about many. */
  readonly bytesMax?: number;
  /** Throws where what is fuzzed is wrong about `input`. Asynchronous where that is. */
  check(input: Uint8Array): void | Promise<void>;
  /** Ends what `check` has left open for the next input. */
  close?(): Promise<void>;
}

/** Readers of one kind of bytes: what a release wants its hours of (`cepa fuzz ledger`). */
export interface Family {
  readonly name: string;
  /** Whose bytes they are. */
  readonly reads: string;
  readonly load: () => Promise<readonly Target[]>;
}
