/** What is known of a command before it is sent, and of a refusal when it comes. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { blockMsOf, sizeBytesOf } from "#runtime/redis/commands.ts";
import { failureOf, REDIS_MESSAGE_LENGTH_MAX } from "#runtime/redis/failures.ts";
import type { RedisCommand } from "#runtime/redis/redis.ts";

describe("redis: commands", () => {
  const waits: readonly (readonly [command: RedisCommand, blockMs: number | undefined])[] = [
    [["XREAD", "BLOCK", 5, "STREAMS", "a", "$"], 5],
    [["xread", "count", "1", "block", "5", "streams", "a", "$"], 5],
    [["XREADGROUP", "GROUP", "g", "c", "NOACK", "BLOCK", Buffer.from("7"), "STREAMS", "a", ">"], 7],
    [["XREADGROUP", "COUNT", 1, "BLOCK", 7, "GROUP", "g", "c", "STREAMS", "a", ">"], 7],
    [["XREADGROUP", "GROUP", "BLOCK", "9", "STREAMS", "a", ">"], undefined],
    [["XREADGROUP", "GROUP", "STREAMS", "BLOCK", "BLOCK", 3, "STREAMS", "a", ">"], 3],
    [["XREAD", "STREAMS", "BLOCK", "5", "0", "0"], undefined],
    [["SET", "BLOCK", "5"], undefined],
    [["XREAD"], undefined],
  ];
  for (const [command, blockMs] of waits) {
    it(`${command.join(" ")} waits ${blockMs === undefined ? "for nothing" : `${blockMs} ms`}`, () => {
      assert.equal(blockMsOf(command), blockMs);
    });
  }

  it("take memory by their words", () => {
    const small = sizeBytesOf(["SET", "a", ""]);

    assert.equal(sizeBytesOf(["SET", "a", Buffer.alloc(1000)]) - small, 1000);
    assert.equal(sizeBytesOf(["SET", "a", "x".repeat(1000)]) - small, 1000);
  });
});

describe("redis: refusals", () => {
  const refused = (kind: string, message: string) => ({ code: "redis.refused", kind, message });
  const unable = (cause: string, executed = "no") => ({ code: "redis.unreachable", executed, cause });

  for (const [line, failure] of [
    ["NOGROUP No such key", refused("NOGROUP", "No such key")],
    ["ERR syntax error", refused("ERR", "syntax error")],
    ["NOAUTH", refused("NOAUTH", "")],
    ["no kind at all", refused("ERR", "no kind at all")],
    ["", refused("ERR", "")],
    ["ERR two\nlines", refused("ERR", "two\nlines")],
    ["OOM command not allowed", refused("OOM", "command not allowed")],
    ["ERR unknown command 'X', with args beginning with: 'secret' ", refused("ERR", "unknown command 'X'")],
    ["LOADING Redis is loading", unable("LOADING Redis is loading")],
    ["READONLY You can't", unable("READONLY You can't")],
    ["ERR max number of clients reached", unable("ERR max number of clients reached")],
    ["EXECABORT Transaction discarded because of: OOM no memory", refused("OOM", "no memory")],
    [
      "EXECABORT Transaction discarded because of previous errors.",
      refused("EXECABORT", "Transaction discarded because of previous errors."),
    ],
    ["MISCONF Redis is configured", unable("MISCONF Redis is configured")],
    [
      "MISCONF it stopped script: 5f, on @user_script:3.",
      unable("MISCONF it stopped script: 5f, on @user_script:3.", "maybe"),
    ],
  ] as const) {
    it(`${JSON.stringify(line)} is ${failure.code}`, () => {
      assert.deepEqual(failureOf(line), failure);
    });
  }

  it("are cut where they are long", () => {
    const failure = failureOf(`ERR ${"x".repeat(REDIS_MESSAGE_LENGTH_MAX + 1)}`);

    assert(failure.code === "redis.refused");
    assert.equal(failure.message.length, REDIS_MESSAGE_LENGTH_MAX);
  });
});
