/** Tokens of producers: nobody without the key can say anything, and no spelling of a token says another thing. */
import assert from "node:assert/strict";
import { isJsonObject } from "#actors/domain/json-value.ts";
import { parseJson } from "#actors/domain/parse-json.ts";
import { claimsOf, encodeClaims } from "#actors/domain/tokens/claims.ts";
import { verifyToken } from "#actors/domain/tokens/token.ts";
import { splitToken } from "#actors/domain/tokens/token-text.ts";
import {
  CLAIMS,
  KID,
  REFERENCE_TOKEN,
  rewritten,
  TERMS,
  tokenOf,
  tokenOfTexts,
} from "#test/actors/domain/tokens/token-kit.ts";
import { bytesOf, utf8Of } from "#test/fuzz/bytes.ts";
import type { Target } from "#test/fuzz/target.ts";

const token: Target = {
  name: "token",
  seeds: [REFERENCE_TOKEN, rewritten(REFERENCE_TOKEN, "base64url")].map(bytesOf),
  async check(input) {
    const text = utf8Of(input);
    const verified = await verifyToken(text, TERMS);
    // Nobody else can say another thing.
    if (verified.ok) assert.deepEqual(verified.value, CLAIMS);
    const parts = splitToken(text);
    if (typeof parts === "string") return;
    // One spelling in each alphabet.
    const [header = "", claims = ""] = parts.signed.split(".");
    for (const [part, bytes] of [
      [header, parts.header],
      [claims, parts.claims],
    ] as const) {
      const spellings = (["base64", "base64url"] as const).map((alphabet) =>
        Buffer.from(bytes).toString(alphabet).replaceAll("=", ""),
      );
      assert(spellings.includes(part), "a part is as it is written");
    }
  },
};

const HEADER = { alg: "EdDSA", kid: KID, typ: "FDC" };
const WRONG = [{ exp: 1_700_000_000 }, { nbf: 1_800_000_000 }, { iss: "x" }, { aud: "x" }, { jti: "a b" }].map(
  (claim) => JSON.stringify({ ...CLAIMS, ...claim }),
);
/** As somebody who has the key would make one: the first line is the header, the rest the claims. */
const signed: Target = {
  name: "signed token",
  seeds: [JSON.stringify(CLAIMS), JSON.stringify({ ...CLAIMS, sid: CLAIMS.sub, more: [1] }), ...WRONG].map((claims) =>
    bytesOf(`${JSON.stringify(HEADER)}\n${claims}`),
  ),
  words: ['"crit":[]', '"alg":"none"', '"iss":', '"aud":[', '"exp":', '"__proto__":'],
  async check(input) {
    const line = input.indexOf(0x0a);
    const [header, claims] =
      line < 0 ? [bytesOf(JSON.stringify(HEADER)), input] : [input.slice(0, line), input.slice(line + 1)];
    const verified = await verifyToken(tokenOfTexts(header, claims), TERMS);
    const members = parseJson(utf8Of(claims));
    const said = members !== undefined && isJsonObject(members) ? claimsOf(members) : undefined;
    if (verified.ok) {
      assert.deepEqual(verified.value, said, "what is taken is what the claims say");
      const again = await verifyToken(tokenOf(HEADER, JSON.parse(utf8Of(encodeClaims(verified.value)))), TERMS);
      assert.deepEqual(again, verified);
      const { iss, aud, nbf, exp } = verified.value;
      assert(iss === TERMS.issuer && aud === TERMS.audience, "it is for us");
      assert(
        nbf <= TERMS.nowSeconds + TERMS.skewSeconds && exp >= TERMS.nowSeconds - TERMS.skewSeconds,
        "it is its time",
      );
      assert.deepEqual(onlyKnown(header), HEADER, "it is of the only kind there is");
    } else if (verified.failure.claims !== undefined) assert.deepEqual(verified.failure.claims, said);
  },
};

function onlyKnown(header: Uint8Array): unknown {
  const { alg, kid, typ, crit } = JSON.parse(utf8Of(header));
  return crit === undefined ? { alg, kid, typ } : { alg, kid, typ, crit };
}

export const TARGETS: readonly Target[] = [token, signed];
