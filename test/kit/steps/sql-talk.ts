/**
 * What a node says to its Postgres, and which steps that is: its statements have names.
 *
 * A statement alone is a transaction of its own, which Postgres commits at the `Sync` behind it, and it tells nothing before.
 * So an insert is given a `Flush`, which asks for what there is to tell, and its `Sync` is held until the insert was executed:
 * what is there then is executed, and not committed.
 */
import type { Step } from "#test/kit/steps/step.ts";
import { type Part, partOf, type Talk } from "#test/kit/steps/talk.ts";

interface Meaning {
  readonly asked: Step;
  readonly executed?: Step;
  readonly done: Step;
}

/** By the names of statements. */
const MEANINGS: ReadonlyMap<string, Meaning> = new Map<string, Meaning>([
  ["auth.tokens", { asked: "tokens asked", done: "tokens done" }],
  ["ingest.bindings", { asked: "bindings asked", done: "bindings done" }],
  ["ingest.write", { asked: "insert asked", executed: "insert executed, not committed", done: "insert done" }],
]);

/** Of a message: one byte that says its kind, and the length of what follows that byte. */
const HEADER_BYTES = 5;
const FLUSH = Buffer.from([0x48, 0, 0, 0, 4]);

export class SqlTalk implements Talk {
  #asking: Buffer = Buffer.alloc(0);
  #answering: Buffer = Buffer.alloc(0);
  #hasBegun = false;
  /** Of the statement that is under way. */
  #meaning: Meaning | undefined;
  #heldSync: Buffer | undefined;
  #outcome: "open" | "executed" | "refused" = "open";

  fromNode(bytes: Buffer): readonly Part[] {
    this.#asking = Buffer.concat([this.#asking, bytes]);
    const parts: Part[] = [];
    // The first message, who it is that asks, has no kind.
    for (let next = this.#firstOf(this.#asking); next !== undefined; next = this.#firstOf(this.#asking)) {
      this.#asking = this.#asking.subarray(next.length);
      parts.push(...(this.#hasBegun ? this.#asked(next) : [partOf("server", next)]));
      this.#hasBegun = true;
    }
    return parts;
  }

  fromServer(bytes: Buffer): readonly Part[] {
    this.#answering = Buffer.concat([this.#answering, bytes]);
    const parts: Part[] = [];
    for (let next = messageIn(this.#answering, 1); next !== undefined; next = messageIn(this.#answering, 1)) {
      this.#answering = this.#answering.subarray(next.length);
      parts.push(...this.#answered(next));
    }
    return parts;
  }

  #firstOf(bytes: Buffer): Buffer | undefined {
    return messageIn(bytes, this.#hasBegun ? 1 : 0);
  }

  #asked(message: Buffer): readonly Part[] {
    const kind = kindOf(message);
    if (kind === "B") {
      this.#outcome = "open";
      this.#meaning = MEANINGS.get(statementOf(message));
      return [partOf("server", message, this.#meaning?.asked)];
    }
    const executed = this.#meaning?.executed;
    if (executed !== undefined && kind === "E") return [partOf("server", Buffer.concat([message, FLUSH]))];
    if (executed === undefined || kind !== "S") return [partOf("server", message)];
    this.#heldSync = message;
    return this.#releaseSync();
  }

  #answered(message: Buffer): readonly Part[] {
    const kind = kindOf(message);
    if (kind === "C") this.#outcome = "executed";
    if (kind === "E") this.#outcome = "refused";
    if (kind !== "Z") return [partOf("node", message), ...this.#releaseSync()];
    const done = this.#outcome === "executed" ? this.#meaning?.done : undefined;
    this.#meaning = undefined;
    return [partOf("node", message, done)];
  }

  /** As soon as it is known what came of the insert, and the node has sent it. */
  #releaseSync(): readonly Part[] {
    const sync = this.#heldSync;
    if (sync === undefined || this.#outcome === "open") return [];
    this.#heldSync = undefined;
    return [partOf("server", sync, this.#outcome === "executed" ? this.#meaning?.executed : undefined)];
  }
}

/** The first one, where it is there whole. */
function messageIn(bytes: Buffer, kindBytes: 0 | 1): Buffer | undefined {
  if (bytes.length < kindBytes + 4) return undefined;
  const end = kindBytes + bytes.readUInt32BE(kindBytes);
  return bytes.length < end ? undefined : bytes.subarray(0, end);
}

function kindOf(message: Buffer): string {
  return message.toString("latin1", 0, 1);
}

/** A `Bind` has the name of a portal, then that of a statement, each up to a zero. */
function statementOf(bind: Buffer): string {
  const start = bind.indexOf(0, HEADER_BYTES) + 1;
  return bind.toString("latin1", start, bind.indexOf(0, start));
}
