/**
 * Names: index keeps them; that they lead to something which is held here is looked after here.
 *
 * A record that has expired leads nowhere, so it may name what is not held: that is how a name is taken back.
 */
import { fullName, type Name, type PublicKey, targetOf } from "#actors/domain/name.ts";
import { isExpired, type NameRecord } from "#actors/domain/name-record.ts";
import type { NameState } from "#actors/index/protocol.ts";
import { ask, optionsOf } from "#actors/overlay/ask.ts";
import { type Reading, statByRoot, statObject } from "#actors/overlay/get.ts";
import { pinTarget } from "#actors/overlay/hold.ts";
import type { OverlayProtocol } from "#actors/overlay/protocol.ts";
import { fail, ok, type Result } from "#runtime/errors.ts";
import type { FailureOf } from "#runtime/protocol.ts";
import type { Within } from "#runtime/ref.ts";

export async function setName(
  reading: Reading,
  record: NameRecord,
  within: Within,
): Promise<Result<void, FailureOf<OverlayProtocol, "setName">>> {
  const { clock, index, nameTurns } = reading;
  // Of two records that follow on the same one the second is judged when the first is set, and pins nothing.
  return await nameTurns.inTurn(fullName(record), async () => {
    const isReady = isExpired(record, clock.wallMs()) ? ok() : await makeReady(reading, record, within);
    if (!isReady.ok) return isReady;
    return await ask(reading, within, () => index.call("setName", { record }, optionsOf(reading, within)));
  });
}

/** The record that says where the name leads now. */
export async function getName(
  reading: Reading,
  request: { readonly name: Name },
  within: Within,
): Promise<Result<NameRecord, FailureOf<OverlayProtocol, "getName">>> {
  const { clock, index } = reading;
  const got = await ask(reading, within, () => index.call("getName", request, optionsOf(reading, within)));
  if (!got.ok || !isExpired(got.value, clock.wallMs())) return got;
  return fail({ code: "overlay.name-expired", record: got.value });
}

/**
 * What the owner reads before the next record is signed: it waits for sets that came before, whose records index has not heard
 * of while their targets are pinned. Nobody waits longer than for their deadlines. Who only reads where a name leads does not
 * wait at all.
 */
export async function readNameHistory(
  reading: Reading,
  request: { readonly name: Name },
  within: Within,
): Promise<Result<NameState, FailureOf<OverlayProtocol, "readNameHistory">>> {
  const { index, nameTurns } = reading;
  return await nameTurns.inTurn(fullName(request.name), () =>
    ask(reading, within, () => index.call("readNameHistory", request, optionsOf(reading, within))),
  );
}

export async function listNames(
  reading: Reading,
  request: { readonly publicKey: PublicKey; readonly after: string; readonly limit: number },
  within: Within,
): Promise<Result<readonly NameState[], FailureOf<OverlayProtocol, "listNames">>> {
  return await ask(reading, within, () => reading.index.call("listNames", request, optionsOf(reading, within)));
}

/**
 * Only a record that follows must lead to what is held. The current one sent again, and a rival of one that is kept, are told
 * as such whatever has become of what they name: else who asks again is refused, and who has signed twice is not found out.
 */
async function makeReady(
  reading: Reading,
  record: NameRecord,
  within: Within,
): Promise<Result<void, FailureOf<OverlayProtocol, "setName">>> {
  const options = optionsOf(reading, within);
  const judged = await ask(reading, within, () => reading.index.call("judgeName", { record }, options));
  if (!judged.ok) return judged;
  return judged.value === "next" ? await holdOn(reading, record, within) : ok();
}

/**
 * What a name leads to is held from before the name is set, also what was put for a time. It stays held when the name leads
 * elsewhere, until it is let go or removed: another name may lead to it.
 */
async function holdOn(
  reading: Reading,
  { value }: NameRecord,
  within: Within,
): Promise<Result<void, FailureOf<OverlayProtocol, "setName">>> {
  const named = targetOf(value);
  const isObject = named.kind === "object";
  const there = isObject ? await statObject(reading, named, within) : await statByRoot(reading, named.root, within);
  const target = isObject ? { address: named.address } : { root: named.root };
  const held = there.ok ? await pinTarget(reading, { target }, within) : there;
  if (held.ok) return ok();
  switch (held.failure.code) {
    case "overlay.unknown":
    case "overlay.not-a-root":
    case "storage.manifest-not-found":
      return fail({ code: "overlay.target-unknown", value });
    default:
      return fail(held.failure);
  }
}
