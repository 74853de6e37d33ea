/** What an S3 server says, and what it keeps for us: names and tables that are written by nobody else, and lists of them. */
import assert from "node:assert/strict";
import { decodeTable, encodeTable } from "#runtime/bucket/extent-table.ts";
import { understand } from "#runtime/bucket/file-objects.ts";
import { formatName, parseName } from "#runtime/bucket/object-name.ts";
import { parseErrorCode, parseObjectPage } from "#runtime/bucket/xml.ts";
import { KiB } from "#runtime/units.ts";
import { bytesOf, latin1Of, utf8Of } from "#test/fuzz/bytes.ts";
import type { Target } from "#test/fuzz/target.ts";

const FILE = "0123456789abcdef";
const NAMES = [`${FILE}.0000000100000001.e.0.1000`, `${FILE}.0000000100000002.h.1000.4c`, `${FILE}.0000000100000003.x`];
const contents = NAMES.map((name) => `<Contents><Key>p/${name}</Key><Size>4096</Size></Contents>`).join("");
const page = (rest: string) => `<?xml version="1.0"?><ListBucketResult xmlns="s3">${rest}</ListBucketResult>`;

const list: Target = {
  name: "list of objects",
  seeds: [
    page(`<IsTruncated>false</IsTruncated>${contents}`),
    page(`<IsTruncated>true</IsTruncated><NextContinuationToken>a&amp;b&#65;</NextContinuationToken>${contents}`),
    "<Error><Code>NoSuchKey</Code><Message>&lt;x&gt;</Message></Error>",
    "<DeleteResult><Error><Key>k</Key><Code>AccessDenied</Code></Error></DeleteResult>",
  ].map(bytesOf),
  words: [
    "<Contents>",
    "</Contents>",
    "<Key>p/",
    "</Key>",
    "<Size>",
    "<Error>",
    "<Code>",
    "&#x41;",
    "&amp;",
    "</ListBucketResult>",
  ],
  // A page may have 4 MiB, and who reads it waits for nothing else.
  bytesMax: 256 * KiB,
  check(input) {
    const text = utf8Of(input);
    const code = parseErrorCode(text);
    assert(code === undefined || code.length <= 64);
    const read = parseObjectPage(text, "p/");
    if (read === undefined) return;
    for (const { key, sizeBytes } of read.objects) {
      assert(key.length <= 1024 && Number.isSafeInteger(sizeBytes) && sizeBytes >= 0);
    }
    assert(read.next !== "");
    const { latest, log, sizeBytes, surplus } = understand(read.objects);
    assert(
      surplus.every((key) => read.objects.some((object) => object.key === key)),
      "only what was listed is given up",
    );
    assert(latest?.kind === "head" || log.length === 0, "nothing is on top of a file that is not there");
    assert(sizeBytes >= 0);
  },
};

const name: Target = {
  name: "object name",
  seeds: NAMES.map(bytesOf),
  check(input) {
    const text = latin1Of(input);
    const read = parseName(text);
    if (read !== undefined) assert.equal(formatName(read), text);
  },
};

const table: Target = {
  name: "extent table",
  seeds: [
    "cepa-extents/1\n",
    "cepa-extents/1\n0 1000 0000000100000001 0 1000\n800 1800 0000000100000002 800 2000\n",
    "cepa-extents/1\n0 1000 0000000100000001 0 1000\n1000 1800 0000000100000002 1000 2000\n",
  ].map(bytesOf),
  check(input) {
    const read = decodeTable(input);
    if (read === undefined) return;
    assert.deepEqual(Buffer.from(encodeTable(read)), Buffer.from(input));
    let end = 0;
    for (const { from, to } of read.pieces) {
      assert(from >= end && to > from, "pieces are in order and do not overlap");
      end = to;
    }
  },
};

export const TARGETS: readonly Target[] = [list, name, table];
