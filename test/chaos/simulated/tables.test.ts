/** Tokens of a simulation are those of any node. */
import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { describe, it } from "node:test";
import { threadSigning } from "#actors/domain/tokens/token-signing.ts";
import { splitToken } from "#actors/domain/tokens/token-text.ts";
import { inlineSigning } from "#chaos/simulated/tables.ts";

describe("tokens that are signed in the turn in which it is asked for", () => {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  const signer = { kid: "own", key: privateKey };
  const claims = Buffer.from('{"sub":"somebody"}');

  it("are the same as those of a thread", async () => {
    assert.equal(await inlineSigning.sign(claims, signer), await threadSigning.sign(claims, signer));
  });

  for (const [what, change, holds] of [
    ["hold under the key that has signed them", (text: string) => text, true],
    ["do not hold when a character of what they say is another", (text: string) => text.replace(".e", ".f"), false],
  ] as const) {
    it(`${what}, as a thread says too`, async () => {
      const token = splitToken(change(await inlineSigning.sign(claims, signer)));
      assert(typeof token !== "string");

      const said = await Promise.all([inlineSigning, threadSigning].map((one) => one.isSigned(token, publicKey)));

      assert.deepEqual(said, [holds, holds]);
    });
  }
});
