/** Bugs in what reads keys and certificates that its tests are seen to catch. Each is one short line of the source. */
import type { Plant } from "#test/kit/planted.ts";

const DIFFERS = "Expected values to be strictly equal";

const published = (what: string): Pick<Plant, "check" | "says"> => ({
  check: { file: "test/actors/domain/ssh/forms.test.ts", test: `are judged as it is written there: ${what}` },
  says: DIFFERS,
});
const form = (test: string): Pick<Plant, "check" | "says"> => ({
  check: { file: "test/actors/domain/ssh/forms.test.ts", test },
  says: DIFFERS,
});
const key = (test: string, says: string): Pick<Plant, "check" | "says"> => ({
  check: { file: "test/actors/domain/ssh/keys.test.ts", test },
  says,
});

export const PLANTS: readonly Plant[] = [
  {
    name: "nobody looks whether the authority has signed",
    file: "actors/domain/ssh/certified.ts",
    from: 'if (!isSignedBy(authority, signed, signature)) return refused("bad-signature");',
    to: "",
    ...published("with a signature of zeros"),
  },
  {
    name: "any authority will do whose key is in the certificate",
    file: "actors/domain/ssh/certified.ts",
    from: "Buffer.compare(blob, certificate.authority) === 0",
    to: "blob.length === certificate.authority.length",
    ...published("by another authority"),
  },
  {
    name: "a certificate is good in the second in which it expires",
    file: "actors/domain/ssh/certified.ts",
    from: "if (nowSeconds >= validBefore)",
    to: "if (nowSeconds > validBefore)",
    ...published("over since this second"),
  },
  {
    name: "a certificate without principals is good for everybody",
    file: "actors/domain/ssh/certified.ts",
    from: 'if (principals.length === 0) return "no-principals";',
    to: "if (principals.length === 0) return undefined;",
    ...published("for nobody in particular"),
  },
  {
    name: "critical options are ignored",
    file: "actors/domain/ssh/certified.ts",
    from: 'if (criticalOptions.length > 0) return "unknown-critical-option";',
    to: "",
    ...published("with an unknown critical option"),
  },
  {
    name: "a host's certificate is good for a user",
    file: "actors/domain/ssh/certified.ts",
    from: 'if (type !== USER) return "not-for-users";',
    to: "",
    ...published("of a host"),
  },
  {
    name: "an authority is certified by another",
    file: "actors/domain/ssh/certified.ts",
    from: 'if (authorities.some((one) => isSameKey(one, key))) return "key-of-authority";',
    to: "",
    ...form("are refused over the key of an authority"),
  },
  {
    name: "what stands behind the last value is overlooked",
    file: "actors/domain/ssh/wire.ts",
    from: 'return cursor.hasEnded ? (values as ValuesOf<Kinds>) : "trailing-bytes";',
    to: "return values as ValuesOf<Kinds>;",
    ...published("with a byte behind it"),
  },
  {
    name: "an extension may be there twice",
    file: "actors/domain/ssh/certificate.ts",
    from: "Buffer.compare(before, name) < 0",
    to: "Buffer.compare(before, name) <= 0",
    ...form("are refused as options-out-of-order with an extension twice"),
  },
  {
    name: "a point may be of small order",
    file: "actors/domain/ssh/key.ts",
    from: 'return !SMALL_ORDER.has(y.toString("hex")) && ',
    to: "return ",
    ...key("of small order are refused, in every spelling", "01000000000000000000000000000000"),
  },
  {
    name: "a point may be spelled twice",
    file: "actors/domain/ssh/key.ts",
    from: 'y.reverse().toString("hex") < FIELD',
    to: "true",
    ...key("are refused from the prime on, which is where second spellings begin", "'unusable-key'"),
  },
  {
    name: "a line may have control characters",
    file: "actors/domain/ssh/wire.ts",
    from: "text.isWellFormed() && !CONTROLS.test(text)",
    to: "text.isWellFormed()",
    ...key("are refused as bad-text with an escape sequence in the comment", DIFFERS),
  },
  {
    name: "another certificate over the key has another fingerprint",
    file: "actors/domain/ssh/key.ts",
    from: "{ blob: Buffer.concat([BLOB_PREFIX, point]), verifier }",
    to: "{ blob: new Uint8Array(point.buffer), verifier }",
    ...key("of a certificate have the key that is in it, and its fingerprint", DIFFERS),
  },
  {
    name: "bytes have several spellings",
    file: "actors/domain/ssh/base64.ts",
    from: 'bytes.toString("base64") === text',
    to: "bytes.length > 0",
    ...key("have signatures that are told from what is none", "with bits that mean nothing"),
  },
];
