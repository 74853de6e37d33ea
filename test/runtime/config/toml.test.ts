/** TOML in, plain data or a place out. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { configDepthMax, configFileBytesMax, parseToml } from "#runtime/config/toml.ts";

const parse = (text: string | Uint8Array) => parseToml("/cepa.toml", Buffer.from(text));

describe("config: toml", () => {
  it("becomes plain data: tables, lists, strings, numbers, flags, and dates as text", () => {
    const parsed = parse('# cepa\n[gateway]\nbodyBytesMax = "16MiB"\nports = [1, 2]\non = true\nwhen = 2026-01-02\n');

    assert.deepEqual(parsed, {
      ok: true,
      value: { gateway: { bodyBytesMax: "16MiB", ports: [1, 2], on: true, when: "2026-01-02" } },
    });
  });

  it("names line and column where parsing stopped", () => {
    const parsed = parse("[gateway]\nbodyBytesMax = = 3\n");

    assert(!parsed.ok);
    const { code, path, line, problem } = parsed.failure;
    assert.deepEqual({ code, path, line }, { code: "config.unreadable", path: "/cepa.toml", line: 2 });
    assert(parsed.failure.column > 1 && problem.length > 0 && !problem.includes("\n"));
  });

  it("names line and column of a byte that is not UTF-8, and takes a real replacement character", () => {
    const broken = parse(Buffer.concat([Buffer.from('a = 1\nb = "\uFFFDü'), Buffer.from([0xff]), Buffer.from('"\n')]));
    const legal = parse('b = "\uFFFD"');

    assert.deepEqual(broken, {
      ok: false,
      failure: { code: "config.unreadable", path: "/cepa.toml", line: 2, column: 8, problem: "not UTF-8" },
    });
    assert(legal.ok);
  });

  it("refuses keys that would reach a prototype", () => {
    const parsed = parse("[__proto__]\npolluted = true\n");

    assert.equal(!parsed.ok && parsed.failure.code, "config.unreadable");
    assert.equal(Object.hasOwn(Object.prototype, "polluted"), false);
  });

  it("takes the deepest nesting allowed and refuses one level more", () => {
    const nested = (levels: number) => parse(`${Array.from({ length: levels }, () => "a").join(".")} = 1`);

    const atLimit = nested(configDepthMax);
    const pastLimit = nested(configDepthMax + 1);

    assert(atLimit.ok);
    assert.equal(!pastLimit.ok && pastLimit.failure.code, "config.unreadable");
    assert.equal(nested(100_000).ok, false);
  });

  it("takes a file of the largest size and refuses one byte more", () => {
    const atLimit = parse(Buffer.alloc(configFileBytesMax, "\n"));
    const pastLimit = parse(Buffer.alloc(configFileBytesMax + 1, "\n"));

    assert.deepEqual(atLimit, { ok: true, value: {} });
    assert.equal(!pastLimit.ok && pastLimit.failure.line, 0);
  });
});
