/** Commands of a simulated Redis on single values, and on keys of any kind. */
import type { CommandTable, Moment, Outcome } from "#runtime/simulated/redis/command.ts";
import { expiryOf, findValue, putValue, setExpiry } from "#runtime/simulated/redis/keyspace.ts";
import { NO_INTEGER, Refusal, WRONG_TYPE } from "#runtime/simulated/redis/refusal.ts";
import { bytes, okReply, text } from "#runtime/simulated/redis/reply.ts";
import type { Words } from "#runtime/simulated/redis/words.ts";
import { second } from "#runtime/units.ts";

const INT64_MAX = 2n ** 63n - 1n;

export const TEXT_COMMANDS: CommandTable = {
  PING: { run: (words) => (words.leftCount === 0 ? text("PONG") : bytes(words.bytes())) },

  TIME: {
    run: (_words, { nowMs }) => [
      text(String(Math.floor(nowMs / second))),
      text(String(Math.floor(nowMs % second) * 1000)),
    ],
  },

  SET: { isGrowing: true, run: set },

  GET: {
    run: (words, moment) => textAt(words.name(), moment),
  },

  INCR: { isGrowing: true, run: increment },

  DEL: {
    run: (words, { keyspace, nowMs }) => {
      const keys = words.rest().map(keyOf);
      return keys.filter((key) => findValue(keyspace, key, nowMs) !== undefined && keyspace.keys.delete(key)).length;
    },
  },

  EXISTS: {
    run: (words, { keyspace, nowMs }) =>
      words.rest().filter((word) => findValue(keyspace, keyOf(word), nowMs) !== undefined).length,
  },

  EXPIRE: { run: (words, moment) => expire(words, moment, second) },
  PEXPIRE: { run: (words, moment) => expire(words, moment, 1) },
  TTL: { run: (words, moment) => leftOf(words, moment, second) },
  PTTL: { run: (words, moment) => leftOf(words, moment, 1) },
};

function set(words: Words, moment: Moment): Outcome {
  const { keyspace, nowMs } = moment;
  const key = words.name();
  const value = words.bytes();
  let when: "NX" | "XX" | undefined;
  let isGet = false;
  let keepsExpiry = false;
  let expiresMs: number | undefined;
  while (words.leftCount > 0) {
    const option = words.option("NX", "XX", "GET", "KEEPTTL", "EX", "PX");
    if (option === "NX" || option === "XX") when = option;
    else if (option === "GET") isGet = true;
    else if (option === "KEEPTTL") keepsExpiry = true;
    else if (option === undefined) words.end();
    else expiresMs = nowMs + timeToLive(words, "set") * (option === "EX" ? second : 1);
  }
  if (words.problem !== undefined) return words.problem;

  const found = findValue(keyspace, key, nowMs);
  const before = isGet ? textAt(key, moment) : null;
  if (before instanceof Refusal) return before;
  if ((when === "NX" && found !== undefined) || (when === "XX" && found === undefined)) return before;
  putValue(keyspace, key, { kind: "text", bytes: value }, keepsExpiry ? expiryOf(keyspace, key) : expiresMs);
  return isGet ? before : okReply();
}

function increment(words: Words, moment: Moment): Outcome {
  const { keyspace } = moment;
  const key = words.name();
  const before = textAt(key, moment);
  if (before instanceof Refusal) return before;
  const written = before === null ? "0" : Buffer.from(before).toString("latin1");
  if (!/^(0|-?[1-9]\d{0,18})$/.test(written) || BigInt(written) > INT64_MAX) return NO_INTEGER;
  const value = BigInt(written) + 1n;
  if (value > INT64_MAX) return new Refusal("ERR increment or decrement would overflow");
  putValue(keyspace, key, { kind: "text", bytes: Buffer.from(String(value)) }, expiryOf(keyspace, key));
  return Number(value);
}

function expire(words: Words, { keyspace, nowMs }: Moment, unitMs: number): Outcome {
  const key = words.name();
  const expiresMs = nowMs + words.integer() * unitMs;
  words.end();
  if (words.problem !== undefined) return words.problem;
  if (findValue(keyspace, key, nowMs) === undefined) return 0;
  setExpiry(keyspace, key, expiresMs, nowMs);
  return 1;
}

/** Seconds are rounded, not cut. */
function leftOf(words: Words, { keyspace, nowMs }: Moment, unitMs: number): Outcome {
  const key = words.name();
  if (findValue(keyspace, key, nowMs) === undefined) return -2;
  const expiresMs = expiryOf(keyspace, key);
  return expiresMs === undefined ? -1 : Math.floor((expiresMs - nowMs + unitMs / 2) / unitMs);
}

function timeToLive(words: Words, command: string): number {
  const time = words.integer();
  if (time <= 0) words.refuse(new Refusal(`ERR invalid expire time in '${command}' command`));
  return time;
}

function textAt(key: string, { keyspace, nowMs }: Moment): Uint8Array | null | Refusal {
  const value = findValue(keyspace, key, nowMs);
  if (value === undefined) return null;
  return value.kind === "text" ? bytes(value.bytes) : WRONG_TYPE;
}

function keyOf(word: Uint8Array): string {
  return Buffer.from(word).toString("latin1");
}
