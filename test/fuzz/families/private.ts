/** Links of private objects, and the facts at the end of one: from whoever hands them out, and behind a key that fits. */
import assert from "node:assert/strict";
import { formatLink, parseLink, withoutKeys } from "#client/link.ts";
import { CHUNK_ROOM, encodeFacts, isMediaType, isName, readFacts, SEGMENT_ROOM } from "#client/private-format.ts";
import { bytesOf, filled, utf8Of } from "#test/fuzz/bytes.ts";
import type { Target } from "#test/fuzz/target.ts";

const link: Target = {
  name: "private link",
  seeds: [formatLink({ root: "ab".repeat(32), key: filled(7) as Uint8Array<ArrayBuffer> })].map(bytesOf),
  words: ["cepa:", "#"],
  check(input) {
    const text = utf8Of(input);
    const read = parseLink(text);
    if (read === undefined) return;
    assert.equal(formatLink(read), text, "a link has one spelling");
    const [, key = ""] = text.split("#");
    assert(!withoutKeys(`a ${text} b`).includes(key), "a key is not repeated");
  },
};

const facts: Target = {
  name: "private facts",
  seeds: [{ size: 5 }, { size: 2 ** 21, name: "a b.txt", mediaType: "text/plain" }, { size: 1, name: "é" }].map(
    encodeFacts,
  ),
  check(input) {
    const segment = Buffer.concat([Buffer.alloc(SEGMENT_ROOM), input]).subarray(-SEGMENT_ROOM);
    const read = readFacts(segment, 3);
    if (read === undefined) return;
    const { size, name, mediaType } = read;
    assert(Number.isSafeInteger(size) && size >= 0 && size <= 3 * CHUNK_ROOM);
    assert(name === undefined || isName(name), "a name is one that can be shown");
    assert(mediaType === undefined || isMediaType(mediaType));
    const again = encodeFacts(read);
    assert.deepEqual(Buffer.from(again), Buffer.from(segment.subarray(segment.length - again.length)));
  },
};

export const TARGETS: readonly Target[] = [link, facts];
