/** Entries of a stream that are nothing, or were something before they were spoilt. */
import fc from "fast-check";
import type { RedisWord } from "#runtime/redis/redis.ts";

/** Names and values in turn. */
export type Words = readonly RedisWord[];

const names = fc.constantFrom("pubkey", "payload", "nonce", "sig", "action", "token", "x", "", "__proto__", "\xff");
const json = fc.json({ maxDepth: 3 });
const values: fc.Arbitrary<RedisWord> = fc.oneof(
  fc.uint8Array({ maxLength: 200 }),
  fc.string({ maxLength: 200 }),
  json,
  fc.constantFrom("", "deregister", "register", "ssh-ed25519", "a.b.c", "{}", "null", "\0", "a".repeat(200)),
);

/** Anything at all. */
export const noise: fc.Arbitrary<Words> = fc
  .array(fc.tuple(names, values), { minLength: 1, maxLength: 8 })
  .map((fields) => fields.flat());

type Change =
  | { readonly kind: "flip"; readonly offset: number; readonly mask: number }
  | { readonly kind: "put" | "twice"; readonly value: RedisWord }
  | { readonly kind: "cut"; readonly length: number }
  | { readonly kind: "drop" };

const changes: fc.Arbitrary<Change> = fc.oneof(
  fc.record({ kind: fc.constant("flip" as const), offset: fc.nat(), mask: fc.integer({ min: 1, max: 255 }) }),
  fc.record({ kind: fc.constantFrom("put" as const, "twice" as const), value: values }),
  fc.record({ kind: fc.constant("cut" as const), length: fc.nat() }),
  fc.record({ kind: fc.constant("drop" as const) }),
);

/** A good request, of which one field is not as it was. */
export function spoilt(good: readonly Readonly<Record<string, string>>[]): fc.Arbitrary<Words> {
  const entry = fc.constantFrom(...good.map((fields) => Object.entries(fields)));
  return fc
    .tuple(entry, fc.nat(), changes)
    .map(([fields, at, change]) =>
      fields.flatMap(([name, text], place) =>
        place === at % fields.length ? spoil(name, text, change) : [name, text],
      ),
    );
}

function spoil(name: string, text: string, change: Change): Words {
  const bytes = Buffer.from(text);
  switch (change.kind) {
    case "flip": {
      const where = change.offset % Math.max(1, bytes.length);
      return [name, Uint8Array.from(bytes, (one, index) => (index === where ? one ^ change.mask : one))];
    }
    case "put":
      return [name, change.value];
    case "twice":
      return [name, text, name, change.value];
    case "cut":
      return [name, bytes.subarray(0, change.length % (bytes.length + 1))];
    case "drop":
      return [];
  }
}
