/** The configuration file: TOML, and the sections that actors read of it. Whatever is in it is refused or within bounds. */
import assert from "node:assert/strict";
import { authConfigSchema } from "#actors/auth/config.ts";
import { gatewayConfigSchema } from "#actors/gateway/config.ts";
import { storageConfigSchema } from "#actors/storage/config.ts";
import { bucketConfigSchema } from "#actors/storage/packs/bucket-config.ts";
import { volumeConfigSchema } from "#actors/storage/volume-config.ts";
import { parseQuantity } from "#runtime/config/quantity.ts";
import type { ConfigSchema, Field } from "#runtime/config/schema.ts";
import { checkSections, describeProblem, readSection } from "#runtime/config/section.ts";
import { configDepthMax, parseToml } from "#runtime/config/toml.ts";
import { readRootConfig } from "#supervisor/root/root-config.ts";
import { tree } from "#supervisor/tree.ts";
import { bytesOf, utf8Of } from "#test/fuzz/bytes.ts";
import { assertPlain } from "#test/fuzz/oracle.ts";
import type { Target } from "#test/fuzz/target.ts";

const SCHEMAS: Readonly<Record<string, ConfigSchema<unknown>>> = {
  auth: authConfigSchema,
  gateway: gatewayConfigSchema,
  storage: { ...storageConfigSchema, ...bucketConfigSchema, ...volumeConfigSchema },
};
const names = [...Object.keys(SCHEMAS), "ingest", "index", "overlay", "telemetry", "node", "postgres", "redis"];

const toml: Target = {
  name: "configuration",
  seeds: [
    '[storage]\nopenPacksMax = 8\nvolumes = ["/a", "/b"]\n[gateway]\nkeepAliveMs = "15s"\nallowedHosts = "a.example"\n',
    '# c\n[auth]\nproducerAuthority = ["/x"]\nskewSeconds = 1_0\n[node]\n[ingest]\nenabled = true\n',
    "storage.writeIdleMs = 1.5\n[[redis]]\nport = 0x10\n[postgres]\nurl = '''a'''\n",
    'a = {b = [1, 2.0, nan, inf, -inf], "c d" = 1979-05-27T07:32:00Z}\n"\\u00e9" = """\\\n x"""\n',
    // What is refused: too deep, too much, too little, of another kind.
    `[${"a.".repeat(20)}b]\n`,
    "[storage]\nopenPacksMax = 100000000\n[gateway]\nkeepAliveMs = 0\n[auth]\nskewSeconds = '1'\nprincipals = [1]\n",
  ].map(bytesOf),
  words: [
    ...names.map((name) => `[${name}]\n`),
    "__proto__ = 1\n",
    "[a.b.c.d]\n",
    '"64KiB"',
    "= nan\n",
    "[[x]]\n",
    "\xef\xbf\xbd",
    "constructor.prototype = 1\n",
  ],
  bytesMax: 16_384,
  check(input) {
    const read = parseToml("/cepa.toml", input);
    if (!read.ok) {
      const { code, line, column, problem } = read.failure;
      assert.equal(code, "config.unreadable");
      assert(line >= 0 && column >= 0 && problem.length > 0 && problem.length <= 200, "it is said where and what");
      return;
    }
    const isUtf8 = Buffer.from(utf8Of(input)).equals(input);
    assert(isUtf8, "what is no UTF-8 is not read");
    assertPlain(read.value, configDepthMax + 1);
    assert.deepEqual(structuredClone(read.value), read.value, "it reaches another process as it is");
    checkSections(read.value, names);
    readRootConfig(tree, read.value, {});
    for (const [name, schema] of Object.entries(SCHEMAS)) check(name, schema, read.value[name]);
  },
};

/** What a section is read as: every setting within its bounds, or a problem that can be told in a line. */
function check(name: string, schema: ConfigSchema<unknown>, raw: unknown): void {
  const section = readSection<unknown>(schema, name, raw, {});
  if (!section.ok) {
    assert(section.failure.problems.length > 0);
    for (const problem of section.failure.problems) assert(describeProblem(name, problem).length < 2000);
    return;
  }
  const fields = Object.entries<Field>(schema);
  assert.deepEqual(
    Object.keys(section.value as object),
    fields.map(([setting]) => setting),
  );
  for (const [setting, field] of fields) assertWithin(field, Reflect.get(section.value as object, setting));
}

function assertWithin(field: Field, value: unknown): void {
  if ("min" in field) {
    assert(
      Number.isInteger(value) && Number(value) >= field.min && Number(value) <= field.max,
      `${value} is in bounds`,
    );
  } else if (field.unit === "flag") assert.equal(typeof value, "boolean");
  else if (field.unit === "text") assert.match(String(value), field.pattern);
  else assert(Array.isArray(value) && value.every((each) => typeof each === "string"));
}

const UNITS = { ms: 86_400_000, bytes: 2 ** 40, count: 1 } as const;
const quantity: Target = {
  name: "quantity",
  seeds: ["15s", "1.5 GiB", "128", "0.25m", "9007199254740991B", "1d"].map(bytesOf),
  words: ["KiB", "ms", ".000000001", " "],
  check(input) {
    const text = utf8Of(input);
    for (const [unit, largest] of Object.entries(UNITS)) {
      const value = parseQuantity(text, unit as keyof typeof UNITS);
      if (value === undefined) continue;
      assert(Number.isSafeInteger(value) && value >= 0);
      // As far as a float says it.
      const number = Number.parseFloat(text);
      assert(
        value >= Math.floor(number) && value <= Math.ceil(number * largest) * 1.000001,
        `${text} is ${value} ${unit}`,
      );
      assert.equal(parseQuantity(String(value), unit as keyof typeof UNITS), value);
    }
  },
};

export const TARGETS: readonly Target[] = [toml, quantity];
