/** What is said through a proxy goes on unchanged, however it is cut, and is come to at its steps. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { RedisTalk } from "#test/kit/steps/redis-talk.ts";
import { SqlTalk } from "#test/kit/steps/sql-talk.ts";
import type { Part, Talk } from "#test/kit/steps/talk.ts";

/** Who says what next. */
type Line = readonly ["node" | "server", Buffer];

const words = (...all: readonly string[]): Buffer =>
  Buffer.from(`*${all.length}\r\n${all.map((word) => `$${word.length}\r\n${word}\r\n`).join("")}`);
const text = (said: string): Buffer => Buffer.from(said, "latin1");

function message(kind: string, body = ""): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(4 + body.length);
  return Buffer.concat([text(kind), length, text(body)]);
}

/** What goes on of it, cut in pieces of so many bytes: to whom, and the steps that are come to. */
function heard(talk: Talk, lines: readonly Line[], pieceBytes: number) {
  const parts: Part[] = [];
  for (const [who, bytes] of lines) {
    for (let at = 0; at < bytes.length; at += pieceBytes) {
      const piece = bytes.subarray(at, at + pieceBytes);
      parts.push(...(who === "node" ? talk.fromNode(piece) : talk.fromServer(piece)));
    }
  }
  const to = (whom: Part["to"]): string =>
    Buffer.concat(parts.filter((part) => part.to === whom).map(({ bytes }) => bytes)).toString("latin1");
  return { server: to("server"), node: to("node"), steps: parts.flatMap(({ step }) => step ?? []) };
}

const PIECES = [1, 2, 7, 10_000];

describe("a talk with Redis", () => {
  const given = text("*1\r\n*2\r\n$6\r\nevents\r\n*1\r\n*2\r\n$3\r\n1-1\r\n*2\r\n$1\r\na\r\n$4\r\n\r\n:1\r\n");
  const lines: readonly Line[] = [
    ["node", words("XREADGROUP", "GROUP", "cepa", "me", "STREAMS", "events", ">")],
    ["server", text("*-1\r\n")],
    ["node", words("XREADGROUP", "GROUP", "cepa", "me", "STREAMS", "events", ">")],
    ["server", given],
    [
      "node",
      Buffer.concat([words("EVAL", "a script", "1", "events:dlq", "x"), words("XACK", "events", "cepa", "1-1")]),
    ],
    ["server", text(":0\r\n:1\r\n")],
    ["node", Buffer.concat([words("EVAL", "a script", "1", "events"), words("PING")])],
    ["server", text(":0\r\n+PONG\r\n")],
  ];

  for (const pieceBytes of PIECES) {
    it(`goes on as it was said, and comes to its steps (in pieces of ${pieceBytes})`, () => {
      const { server, node, steps } = heard(new RedisTalk(), lines, pieceBytes);

      const said = (whose: Line[0]): string => lines.map(([who, bytes]) => (who === whose ? bytes : "")).join("");
      assert.deepEqual([server, node], [said("node"), said("server")]);
      assert.deepEqual(steps, [
        "new entries given",
        "dead letter asked",
        "acknowledge asked",
        "dead letter done",
        "acknowledge done",
        "trim asked",
      ]);
    });
  }
});

describe("a talk with Postgres", () => {
  const begin = Buffer.from([0, 0, 0, 8, 0, 3, 0, 0]);
  const asked = [message("B", "\0ingest.write\0"), message("D", "P\0"), message("E", "\0\0\0\0\0")];
  const flush = message("H");
  const sync = message("S");
  const linesOf = (answer: Buffer): readonly Line[] => [
    ["node", begin],
    ["server", message("Z", "I")],
    ["node", Buffer.concat([...asked, sync])],
    ["server", answer],
    ["server", message("Z", "I")],
  ];

  for (const pieceBytes of PIECES) {
    it(`holds the commit of an insert until it was executed (in pieces of ${pieceBytes})`, () => {
      const { server, steps } = heard(new SqlTalk(), linesOf(message("C", "INSERT\0")), pieceBytes);

      assert.equal(server, Buffer.concat([begin, ...asked, flush, sync]).toString("latin1"));
      assert.deepEqual(steps, ["insert asked", "insert executed, not committed", "insert done"]);
    });

    it(`ends an insert that was refused as one that was not done (in pieces of ${pieceBytes})`, () => {
      const { server, steps } = heard(new SqlTalk(), linesOf(message("E", "S\0")), pieceBytes);

      assert.equal(server, Buffer.concat([begin, ...asked, flush, sync]).toString("latin1"));
      assert.deepEqual(steps, ["insert asked"]);
    });
  }
});
