/** What is storage's alone, and passes through overlay: trash, collections, scrubbing, volumes and their repair (OVL-19). */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { OverlayProtocol } from "#actors/overlay/protocol.ts";
import { storageFacts, volumesFacts } from "#test/actors/overlay/fake-storage.ts";
import { type StartedOverlay, startOverlay, within } from "#test/actors/overlay/start-overlay.ts";

/** A question as overlay and storage both have it. */
interface Question {
  readonly name: keyof OverlayProtocol;
  readonly request: Readonly<Record<string, unknown>>;
  readonly answer: unknown;
}

const questions: readonly Question[] = [
  {
    name: "listTrash",
    request: { after: undefined, limit: 7 },
    answer: { entries: [], next: undefined },
  },
  { name: "collectGarbage", request: { emptyTrash: true }, answer: storageFacts.collection },
  { name: "scrubNow", request: {}, answer: storageFacts.scrub },
  { name: "describeVolumes", request: {}, answer: volumesFacts },
  { name: "forgetVolume", request: { volume: "0123456789abcdef", mayLose: false }, answer: volumesFacts },
  { name: "repair", request: { action: "pause" }, answer: volumesFacts },
];

async function asked(overlay: StartedOverlay, { name, request }: Question): Promise<unknown> {
  return await overlay.ref.call(name, request as never, within);
}

describe("overlay: what is storage's", () => {
  for (const question of questions) {
    const { name, request, answer } = question;

    it(`passes ${name} on as it is, and the answer back (OVL-19)`, async () => {
      const overlay = await startOverlay();
      const before = overlay.toStorage.calls.length;

      const got = await asked(overlay, question);

      assert.deepEqual(got, { ok: true, value: answer });
      assert.deepEqual(overlay.toStorage.calls.slice(before), [name]);
      assert.deepEqual(overlay.toStorage.requests.slice(before), [request]);
    });

    it(`passes a failure of ${name} back, and says what storage did not answer (OVL-5)`, async () => {
      const overlay = await startOverlay();
      const rebuilding = { code: "storage.rebuilding", doneBytes: 1, totalBytes: 2 };
      const crashed = { code: "runtime.actor-crashed", actor: "storage", executed: "maybe" };
      overlay.toStorage.answer(name, rebuilding, crashed);

      assert.deepEqual(await asked(overlay, question), { ok: false, failure: rebuilding });
      assert.deepEqual(await asked(overlay, question), {
        ok: false,
        failure: { code: "overlay.unavailable", cause: "runtime.actor-crashed", executed: "maybe" },
      });
    });
  }

  it("leaves it to storage what an order does (OVL-19)", async () => {
    const overlay = await startOverlay();

    for (const action of ["pause", "resume", "now"] as const) {
      assert((await overlay.ref.call("repair", { action }, within)).ok);
    }

    assert.deepEqual(overlay.fake.orders, ["pause", "resume", "now"]);
  });
});
