/**
 * What both halves of the seam ask about a command before it is sent: whether it may be, how large it is, how long it waits.
 */
import { assert } from "#runtime/errors.ts";
import type { RedisCommand, RedisWord } from "#runtime/redis/redis.ts";
import { MiB, minute } from "#runtime/units.ts";

/** Longest wait of one command. It also is how long a connection may be silent then, and longer waits are several commands. */
export const REDIS_BLOCK_MS_MAX: number = 1 * minute;
/**
 * Bytes of commands that wait for their answers on one connection. One more is `redis.unreachable`, and was not sent: a
 * server that hangs must not fill the memory of those who talk to it. One that is larger by itself is never sent.
 */
export const REDIS_UNANSWERED_BYTES_MAX: number = 64 * MiB;
/** What a command costs beside its words, about. */
const COMMAND_BYTES = 256;

/** They change what later commands on the connection mean, or wait without saying so, or are scripts. */
const FORBIDDEN: ReadonlySet<string> = new Set([
  ...["AUTH", "HELLO", "SELECT", "QUIT", "RESET", "CLIENT", "READONLY", "READWRITE", "ASKING"],
  ...["MULTI", "EXEC", "DISCARD", "WATCH", "UNWATCH"],
  ...[
    "MONITOR",
    "SYNC",
    "PSYNC",
    "SUBSCRIBE",
    "PSUBSCRIBE",
    "SSUBSCRIBE",
    "UNSUBSCRIBE",
    "PUNSUBSCRIBE",
    "SUNSUBSCRIBE",
  ],
  ...["BLPOP", "BRPOP", "BRPOPLPUSH", "BLMOVE", "BLMPOP", "BZPOPMIN", "BZPOPMAX", "BZMPOP", "WAIT", "WAITAOF"],
  ...["EVAL", "EVALSHA", "EVAL_RO", "EVALSHA_RO", "FCALL", "FCALL_RO", "SCRIPT", "FUNCTION"],
]);

/** Words that follow an option of the commands that read streams. */
const OPTION_WORDS: Readonly<Record<string, number>> = { GROUP: 2, COUNT: 1 };

/** In capitals: the form that is sent and looked up. */
export function nameOf([name]: RedisCommand): string {
  return name.toUpperCase();
}

/** A defect where it is not for this seam, or would wait without an end. */
export function assertCommand(command: RedisCommand): void {
  const name = nameOf(command);
  assert(!FORBIDDEN.has(name), `${name} is no command for a connection that is made anew by itself`);
  for (const word of command) {
    assert(typeof word !== "number" || Number.isSafeInteger(word), "a number is a safe integer");
  }
  const blockMs = blockMsOf(command);
  if (blockMs === undefined) return;
  assert(blockMs >= 1 && blockMs <= REDIS_BLOCK_MS_MAX, "a wait is 1 … REDIS_BLOCK_MS_MAX ms long");
}

/** The same for what comes with others: none of them waits. */
export function assertImmediate(commands: readonly RedisCommand[]): void {
  for (const command of commands) {
    assertCommand(command);
    assert(blockMsOf(command) === undefined, "a command that waits comes alone");
  }
}

/** How long it asks to wait; undefined where it does not. */
export function blockMsOf(command: RedisCommand): number | undefined {
  const name = nameOf(command);
  if (name !== "XREAD" && name !== "XREADGROUP") return undefined;
  // Names of groups, consumers and streams may be any word, so only what stands in the place of an option is one.
  let at = 1;
  for (let option = ""; at < command.length; at += 1 + (OPTION_WORDS[option] ?? 0)) {
    option = textOf(command[at] ?? "").toUpperCase();
    if (option === "STREAMS") return undefined;
    if (option === "BLOCK") break;
  }
  if (at >= command.length) return undefined;
  return Number(textOf(command[at + 1] ?? ""));
}

/** About what it takes in memory until it is answered. */
export function sizeBytesOf(command: RedisCommand): number {
  let sizeBytes = COMMAND_BYTES;
  for (const word of command) sizeBytes += typeof word === "number" ? 8 : word.length;
  return sizeBytes;
}

function textOf(word: RedisWord): string {
  return word instanceof Uint8Array ? Buffer.from(word).toString("latin1") : String(word);
}
