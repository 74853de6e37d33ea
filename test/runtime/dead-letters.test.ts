/** Letters of an actor that nobody will handle: how many are kept, and which can be sent again. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { DEAD_LETTER_BYTES_MAX, DEAD_LETTERS_MAX, DeadLetters } from "#runtime/dead-letters.ts";
import type { Message } from "#runtime/message.ts";

/** A cast with this request, as far as a letter looks at it. */
function cast(request: unknown, name: string = "note"): Message {
  return { name, request, call: undefined, entered: 1 } as unknown as Message;
}

function isKept(request: unknown): boolean {
  const { isReplayable, request: kept } = new DeadLetters().add(cast(request), "stopped", 3, 1000);
  assert.equal(kept, isReplayable ? request : undefined);
  return isReplayable;
}

class Own {
  readonly a = 1;
}

describe("dead letters: what can be sent again", () => {
  for (const [what, request] of [
    ["nothing", undefined],
    ["null", null],
    ["a number", 7],
    ["a flag", true],
    ["an object", { a: 1, b: { c: "d" } }],
    ["an object without a prototype", Object.assign(Object.create(null), { a: 1 })],
    ["a list", [1, [2]]],
    ["bytes", new Uint8Array(16)],
    ["a buffer", new ArrayBuffer(16)],
    ["a shared buffer", new SharedArrayBuffer(16)],
  ] as const) {
    it(`is ${what}`, () => {
      assert.equal(isKept(request), true);
    });
  }

  for (const [what, request] of [
    ["a map", new Map()],
    ["an object of a class", new Own()],
    ["a map within", { a: [new Map()] }],
    ["a source", { bytes: { read: async () => 0, cancel: () => undefined, failure: undefined } }],
    ["a view of a large buffer", new Uint8Array(new ArrayBuffer(DEAD_LETTER_BYTES_MAX + 1), 0, 1)],
    [
      "what throws when it is looked at",
      {
        get a(): never {
          throw new RangeError("not for you");
        },
      },
    ],
  ] as const) {
    it(`is not ${what}`, () => {
      assert.equal(isKept(request), false);
    });
  }

  for (const [what, sized] of Object.entries({
    "a text": (sizeBytes: number) => "x".repeat(sizeBytes / 2),
    bytes: (sizeBytes: number) => new Uint8Array(sizeBytes),
    "a buffer": (sizeBytes: number) => new ArrayBuffer(sizeBytes),
    "a shared buffer": (sizeBytes: number) => new SharedArrayBuffer(sizeBytes),
  })) {
    it(`is ${what} up to the limit, and not past it`, () => {
      assert.deepEqual([isKept(sized(DEAD_LETTER_BYTES_MAX)), isKept(sized(DEAD_LETTER_BYTES_MAX + 2))], [true, false]);
    });
  }

  it("is counted with what is within, and with the names of members", () => {
    // 16 for the list, one for the name of each of its members, and two for a character.
    const charactersMax = Math.floor((DEAD_LETTER_BYTES_MAX - 16 - 2) / 4);
    const [largest, past] = ["x".repeat(charactersMax), "x".repeat(charactersMax + 1)];

    assert.deepEqual([isKept([largest, largest]), isKept([past, past])], [true, false]);
    assert.equal(isKept({ ["x".repeat(DEAD_LETTER_BYTES_MAX)]: 1 }), false);
  });
});

describe("dead letters: the list", () => {
  it("says of each what it was, and has the newest", () => {
    const letters = new DeadLetters();
    for (let index = 0; index < DEAD_LETTERS_MAX + 2; index += 1) letters.add(cast(index), "displaced", 4, 50);

    const listed = letters.list();

    assert.equal(listed.length, DEAD_LETTERS_MAX);
    assert.deepEqual(listed[0], {
      ...{ id: 3, name: "note", request: 2, isReplayable: true, isCall: false },
      ...{ reason: "displaced", incarnation: 4, entered: 1, wallMs: 50 },
    });
    assert.equal(listed.at(-1)?.id, DEAD_LETTERS_MAX + 2);
  });

  it("gives a letter once, and takes it back to its place", () => {
    const letters = new DeadLetters();
    for (const request of ["a", "b", "c"]) letters.add(cast(request), "crashed", 1, 0);

    const [second, none] = [letters.take(2), letters.take(2)];
    const without = letters.list().map(({ id }) => id);
    letters.restore(second ?? assert.fail());
    const third = letters.take(3) ?? assert.fail();
    letters.restore(third);

    assert.deepEqual([none, without], [undefined, [1, 3]]);
    assert.deepEqual(
      letters.list().map(({ id, request }) => [id, request]),
      [
        [1, "a"],
        [2, "b"],
        [3, "c"],
      ],
    );
  });
});
