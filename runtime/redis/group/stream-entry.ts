/** Entries of a stream, as one of a group is given them. */

export interface StreamEntry {
  /** Given by Redis: milliseconds, a hyphen, and a number. */
  readonly id: string;
  /**
   * Values by their names. A name has a character for each of its bytes, so names that differ never meet. A field that comes
   * twice is none: nobody could say which of them counts. Values are views of what came with them (`RedisReply`).
   */
  readonly fields: ReadonlyMap<string, Uint8Array>;
  /** Names of fields that came twice; absent where none did. */
  readonly repeated?: ReadonlySet<string>;
  /** This one included; 1: it was never given to anybody before. */
  readonly deliveryCount: number;
}

export interface StreamPage {
  /** In the order of their ids. None, where nothing came in time, or where something else had to be done first. */
  readonly entries: readonly StreamEntry[];
  /** Entries that were there and that nobody can be given any more, as `GroupReader` has it; since the page before. */
  readonly lostCount: number;
}
