/** ULIDs and UUIDs: two texts of the same 128 bits, against the arithmetic of large numbers. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { makeUlid, parseUlid, type Ulid, ulidOfUuid, uuidOfUlid } from "#actors/domain/ulid.ts";
import { parseUuid, type Uuid } from "#actors/domain/uuid.ts";
import { Defect } from "#runtime/errors.ts";
import { seededRandom } from "#runtime/simulated/random.ts";

const CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const LAST = 2n ** 128n - 1n;
const bits = fc.oneof(fc.bigInt({ min: 0n, max: LAST }), fc.constantFrom(0n, 1n, LAST));

function ulidModel(value: bigint): string {
  const digits = Array.from({ length: 26 }, (_, at) => Number((value >> BigInt(5 * (25 - at))) & 31n));
  return digits.map((digit) => CROCKFORD[digit]).join("");
}

function uuidModel(value: bigint): string {
  return value
    .toString(16)
    .padStart(32, "0")
    .replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}

function ulid(text: string): Ulid {
  const parsed = parseUlid(text);
  assert(parsed !== undefined, text);
  return parsed;
}

function uuid(text: string): Uuid {
  const parsed = parseUuid(text);
  assert(parsed !== undefined, text);
  return parsed;
}

describe("ULIDs: the UUID of the same bits", () => {
  it("is that of a known one", () => {
    assert.equal(uuidOfUlid(ulid("01ARZ3NDEKTSV4RRFFQ69G5FAV")), "01563e3a-b5d3-d676-4c61-efb99302bd5b");
  });

  it("is what arithmetic says, there and back", () => {
    fc.assert(
      fc.property(bits, (value) => {
        const [asUlid, asUuid] = [ulid(ulidModel(value)), uuid(uuidModel(value))];

        assert.equal(uuidOfUlid(asUlid), asUuid);
        assert.equal(ulidOfUuid(asUuid), asUlid);
      }),
    );
  });
});

describe("ULIDs: reading", () => {
  it("takes either case for the same one", () => {
    fc.assert(
      fc.property(bits, (value) => {
        const text = ulidModel(value);
        assert.equal(parseUlid(text.toLowerCase()), text);
        assert.equal(parseUlid(text), text);
      }),
    );
  });

  it("refuses what has more than 128 bits, another length or another digit", () => {
    const zeros = "0".repeat(25);
    assert.equal(parseUlid(`7${"Z".repeat(25)}`), `7${"Z".repeat(25)}`);
    assert.equal(parseUlid(`8${zeros}`), undefined);
    for (const text of ["", zeros, `0${zeros}0`, `0${zeros}\n`, ` 0${zeros}`]) assert.equal(parseUlid(text), undefined);
    for (let code = 0; code < 256; code += 1) {
      const digit = String.fromCharCode(code);
      assert.equal(
        parseUlid(zeros + digit) !== undefined,
        CROCKFORD.includes(digit.toUpperCase()) && code < 128,
        digit,
      );
    }
  });
});

describe("ULIDs: making", () => {
  it("puts the milliseconds first and ten bytes of chance behind them", () => {
    const made = makeUlid(1_469_918_176_385, seededRandom(1));

    const chance = Buffer.from(seededRandom(1).bytes(10)).toString("hex");
    assert.equal(made.slice(0, 10), "01ARYZ6S41");
    assert.equal(uuidOfUlid(made).replaceAll("-", "").slice(12), chance);
  });

  it("sorts by time, to the last millisecond of 48 bits and no further", () => {
    const random = seededRandom(2);
    const times = [0, 1, 1_760_000_000_000, 1_760_000_000_001, 2 ** 48 - 1];

    const made = times.map((wallMs) => makeUlid(wallMs, random));

    assert.deepEqual(made.toSorted(), made);
    assert(made.every((one) => parseUlid(one) === one));
    for (const wallMs of [-1, 2 ** 48, 0.5, Number.NaN]) assert.throws(() => makeUlid(wallMs, random), Defect);
  });
});

describe("UUIDs: reading", () => {
  it("takes any version in either case, and keeps lower case", () => {
    for (const text of ["00000000-0000-0000-0000-000000000000", "FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF"]) {
      assert.equal(parseUuid(text), text.toLowerCase());
    }
    assert.equal(parseUuid("01990B4e-7b1c-7C3a-9b1a-0a1b2c3d4e5f"), "01990b4e-7b1c-7c3a-9b1a-0a1b2c3d4e5f");
  });

  it("refuses every other way to write one", () => {
    const good = "01990b4e-7b1c-7c3a-9b1a-0a1b2c3d4e5f";
    const bare = good.replaceAll("-", "");
    const others = ["", bare, `{${good}}`, `urn:uuid:${good}`, `${good}\n`, ` ${good}`, good.replace("4", "g")];
    const cut = [good.slice(1), `0${good}`, good.replace("-", ""), `${bare.slice(0, 4)}-${bare.slice(4)}`];
    for (const text of [...others, ...cut, good.replace("-", "–")]) assert.equal(parseUuid(text), undefined, text);
  });
});
