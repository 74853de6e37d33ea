/**
 * The configuration in force: a frozen copy with a version, and the holder through which an actor sees its section.
 */
import type { ConfigView } from "#runtime/actor-module.ts";
import type { ConfigTable } from "#runtime/config/toml.ts";
import { assert } from "#runtime/errors.ts";

/** What the node runs with. `version` is 1 at start and grows by one with every accepted change. */
export interface ConfigSnapshot {
  readonly version: number;
  /** The file as plain data, frozen to the last level. Sections are read with `readSection`. */
  readonly raw: ConfigTable;
}

/** The name under which the kernel shows the snapshot (seed 003 §2.1). */
export type Config = ConfigSnapshot;

/** Copies `raw`, so that nobody who still holds it can change what is in force. */
export function configSnapshot(version: number, raw: ConfigTable): ConfigSnapshot {
  assert(Number.isSafeInteger(version) && version >= 1, "a version is a whole number from 1");
  return deepFreeze({ version, raw: structuredClone(raw) });
}

/** Keeps the snapshot of one section for its actor. Readers ask for `current` in every turn and never keep it. */
export class ConfigHolder<Config> implements ConfigView<Config> {
  #current: Config;

  constructor(initial: Config) {
    this.#current = deepFreeze(initial);
  }

  get current(): Config {
    return this.#current;
  }

  /** Puts `next` in force and answers with what was, for an undo. The caller has validated it. */
  swap(next: Config): Config {
    const previous = this.#current;
    this.#current = deepFreeze(next);
    return previous;
  }
}

/** Freezes in place. Plain data only: it must be a tree. */
function deepFreeze<Value>(value: Value): Value {
  if (typeof value !== "object" || value === null) return value;
  for (const member of Object.values(value)) deepFreeze(member);
  return Object.freeze(value);
}
