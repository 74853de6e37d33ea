/** What comes out of Redis: answers of a server, entries that anybody may have added, and the text of both. */
import assert from "node:assert/strict";
import { requestFieldsIn, textIn } from "#actors/domain/streams/entry-fields.ts";
import { parseUlid, ulidOfUuid, uuidOfUlid } from "#actors/domain/ulid.ts";
import { parseUuid } from "#actors/domain/uuid.ts";
import { Defect } from "#runtime/errors.ts";
import { ENTRY_ID_LAST, nextId, parseId, writeId } from "#runtime/redis/entry-id.ts";
import { readClaimed, readConsumers, readGroups, readPending, readStreams } from "#runtime/redis/group/replies.ts";
import type { RedisReply } from "#runtime/redis/redis.ts";
import { bytesOf, latin1Of, utf8Of } from "#test/fuzz/bytes.ts";
import type { Target } from "#test/fuzz/target.ts";

/** An answer in RESP 2, as far as the input goes: what is cut is null. */
function replyIn(text: string): RedisReply {
  let at = 0;
  const line = (): string => {
    const end = text.indexOf("\r\n", at);
    const found = end < 0 ? text.slice(at) : text.slice(at, end);
    at = end < 0 ? text.length : end + 2;
    return found;
  };
  const value = (depth: number): RedisReply => {
    const head = line();
    const count = Number(head.slice(1));
    if (head.startsWith(":")) return Number.isFinite(count) ? count : null;
    if (head.startsWith("$") && count >= 0) {
      const bytes = Buffer.from(text.slice(at, at + count), "latin1");
      at += count + 2;
      return bytes;
    }
    if (!head.startsWith("*") || depth === 0 || !(count >= 0)) return null;
    const items: RedisReply[] = [];
    while (items.length < count && at < text.length) items.push(value(depth - 1));
    return items;
  };
  return value(8);
}

const bulk = (text: string): string => `$${text.length}\r\n${text}\r\n`;
const list = (...items: readonly string[]): string => `*${items.length}\r\n${items.join("")}`;
const fields = list(
  bulk("pubkey"),
  bulk("k"),
  bulk("payload"),
  bulk("{}"),
  bulk("nonce"),
  bulk("n"),
  bulk("n"),
  bulk("1"),
  bulk("n"),
  bulk("2"),
);
const entries = list(list(bulk("1-1"), fields), list(bulk("1-2"), "*-1\r\n"));

const reply: Target = {
  name: "answer of Redis",
  seeds: [
    list(list(bulk("events"), entries)),
    list(bulk("0-0"), entries, list(bulk("1-0"))),
    list(list(bulk("1-1"), bulk("c"), ":5\r\n", ":2\r\n")),
    list(
      list(
        bulk("name"),
        bulk("g"),
        bulk("pending"),
        ":1\r\n",
        bulk("lag"),
        "$-1\r\n",
        bulk("last-delivered-id"),
        bulk("1-1"),
      ),
    ),
    list(list(bulk("name"), bulk("c"), bulk("pending"), ":1\r\n", bulk("idle"), ":9\r\n")),
  ].map(bytesOf),
  words: ["*-1\r\n", "$-1\r\n", ":1\r\n", "*2\r\n", "$0\r\n\r\n", "*0\r\n"],
  check(input) {
    const said = replyIn(latin1Of(input));
    for (const read of [readStreams, readClaimed, readPending, readGroups, readConsumers]) {
      try {
        read(said);
      } catch (cause) {
        // Another form is no Redis of ours, and a defect of a known kind.
        if (!(cause instanceof Defect)) throw cause;
      }
    }
    const given = given1(said);
    for (const entry of given) {
      if (entry.fields === undefined) continue;
      for (const name of entry.repeated ?? []) assert(!entry.fields.has(name), "a field that comes twice is none");
      const request = requestFieldsIn(entry.fields);
      if (request === undefined) continue;
      for (const name of ["pubkey", "nonce", "sig"] as const) {
        assert.equal(request[name], textIn(entry.fields, name));
        assert.deepEqual(Buffer.from(request[name]), Buffer.from(entry.fields.get(name) ?? []), "a text is its bytes");
      }
    }
  },
};

function given1(said: RedisReply): ReturnType<typeof readStreams> {
  try {
    return readStreams(said);
  } catch (cause) {
    if (cause instanceof Defect) return [];
    throw cause;
  }
}

const ids: Target = {
  name: "ids",
  seeds: [
    "5-1",
    "5-*",
    "18446744073709551615-18446744073709551615",
    "01J9Z0MZ3D0J3C3N8C4E9W6Z7Q",
    "01990b4e-7b1c-7c3a-9b1a-0a1b2c3d4e5f",
  ].map(bytesOf),
  check(input) {
    const text = utf8Of(input);
    const id = parseId(text);
    if (id !== undefined) {
      assert(id.id >= 0n && id.id <= ENTRY_ID_LAST);
      if (!id.isOpen) assert.deepEqual(parseId(writeId(id.id)), id);
      const next = nextId(id.id, 7);
      assert(next === undefined ? id.id === ENTRY_ID_LAST : next > id.id);
    }
    const ulid = parseUlid(text);
    if (ulid !== undefined) {
      assert.equal(ulid, text.toUpperCase());
      assert.equal(ulidOfUuid(uuidOfUlid(ulid)), ulid);
    }
    const uuid = parseUuid(text);
    if (uuid !== undefined) assert.equal(uuidOfUlid(ulidOfUuid(uuid)), uuid);
  },
};

export const TARGETS: readonly Target[] = [reply, ids];
