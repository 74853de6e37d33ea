/** What writing to every half promises. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { EVENT_SHOWN_BYTES_MAX, type EventRows } from "#actors/ingest/rows/event-rows.ts";
import { fail, must } from "#runtime/errors.ts";
import { atMs, atNs, idOf, other, rowOf, Scene, within } from "#test/actors/ingest/rows/scene.ts";

const NOT_JSON = "22P02";

/** `open` makes empty ones. */
export function describeWriting(half: string, open: () => Promise<EventRows>): void {
  const scene = async (): Promise<Scene> => new Scene(await open());

  describe(`event rows (${half}): write`, () => {
    it("keeps an event as it was, to the nanosecond, with what its subject and schema are called (ING-5)", async () => {
      const one = await scene();
      const { subjectId, schemaId } = await one.subject({ subjectKey: "binance/BTC", schemaName: "trades" });
      const row = rowOf(1, {
        subjectId,
        schemaId,
        streamId: "7:18446744073709551615-18446744073709551614",
        payload: '{"a\\u00e9": [1.50, "é\\n\u{1f600}", null], "__proto__": {"b": 12345678901234567890}}',
        tags: [
          { key: "core.symbol", value: 'A"\\,{}é\u{1f600}' },
          { key: "x", value: "NULL" },
        ],
      });

      assert.deepEqual(await one.write(row), ["new"]);

      const named = { subjectKey: "binance/BTC", schemaName: "trades", schemaVersion: 1 };
      assert.deepEqual(await one.event(1), { ...row, ...named, payload: JSON.parse(row.payload) });
    });

    it("shows no event whose payload takes more than an answer may, and says how much it is", async () => {
      const one = await scene();
      const payload = (length: number): string => `"${"x".repeat(length - 2)}"`;
      await one.write(rowOf(1, { payload: payload(EVENT_SHOWN_BYTES_MAX) }));
      await one.write(rowOf(2, { payload: payload(EVENT_SHOWN_BYTES_MAX + 1) }));

      const shown = must(await one.rows.event(idOf(1), within), "the event");
      assert.equal(shown?.payload.length, EVENT_SHOWN_BYTES_MAX);
      const sizeBytes = EVENT_SHOWN_BYTES_MAX + 1;
      const refusal = fail({ code: "ingest.event-too-long", eventId: idOf(2), sizeBytes });
      assert.deepEqual(await one.rows.event(idOf(2), within), refusal);
    });

    it("answers in the order asked, and nothing for nothing", async () => {
      const one = await scene();
      await one.write(rowOf(3), rowOf(9));

      assert.deepEqual(await one.write(), []);
      const written = await one.write(rowOf(9), rowOf(5), rowOf(3, { payload: "{}" }), rowOf(1), rowOf(3));

      assert.deepEqual(written, ["same", "new", "conflict", "new", "same"]);
    });

    it("takes what says the same for the same event, whoever brings it, and whenever (ING-1)", async () => {
      const one = await scene();
      await one.write(rowOf(1));

      const again = rowOf(1, { producerId: other, schemaId: idOf(99), streamId: "1:5-5", receivedMs: atMs + 1 });
      assert.deepEqual(await one.write(again), ["same"]);

      const named = { subjectKey: undefined, schemaName: undefined, schemaVersion: undefined };
      assert.deepEqual(await one.event(1), { ...rowOf(1), ...named, payload: { price: 1 } });
    });

    it("takes what differs in anything that it says for another one, and leaves the first as it is (ING-1)", async () => {
      const one = await scene();
      const tags = [
        { key: "a", value: "b" },
        { key: "c", value: "d" },
      ];
      await one.write(rowOf(1, { tags }));
      const before = await one.event(1);

      const differing = [
        { payload: '{"price": 1}' },
        { payload: '{"price":1.0}' },
        { subjectId: idOf(7) },
        { tsNs: atNs + 1n },
        // Of another month.
        { tsNs: atNs - 31n * 86_400_000_000_000n },
        { tags: [] },
        { tags: tags.toReversed() },
        { tags: tags.slice(1) },
        { tags: [...tags, ...tags] },
        { tags: [{ key: "A", value: "b" }, ...tags.slice(1)] },
        { tags: [{ key: "a\n", value: "b" }, ...tags.slice(1)] },
        { tags: [{ key: "ab", value: "" }, ...tags.slice(1)] },
      ];
      for (const different of differing) {
        assert.deepEqual(
          await one.write(rowOf(1, { tags, ...different })),
          ["conflict"],
          JSON.stringify(different.tags),
        );
      }

      assert.deepEqual(await one.event(1), before);
      assert.deepEqual(await one.write(rowOf(1, { tags })), ["same"]);
    });

    it("compares the rows of one id in one batch with the one that is there in the end", async () => {
      const one = await scene();
      const [a, b, bad] = [rowOf(1), rowOf(1, { payload: "2" }), rowOf(1, { payload: "{" })];

      assert.deepEqual(await one.write(bad, bad, b, a, b, bad), [
        NOT_JSON,
        NOT_JSON,
        "new",
        "conflict",
        "same",
        "conflict",
      ]);
      assert.deepEqual(await one.write(a, b, bad, a), ["conflict", "same", "conflict", "conflict"]);
    });

    it("takes any JSON for a payload: a text, a number, a list, and no tags", async () => {
      const one = await scene();

      const payloads = ['"x"', "-0.0", "[]", "true", "{}", "1e300"];
      const written = await one.write(...payloads.map((payload, at) => rowOf(at + 1, { payload, tags: [] })));

      assert.deepEqual(written, Array(payloads.length).fill("new"));
    });

    it("writes what surrounds a row that cannot be written (ING-3)", async () => {
      for (const badCount of [1, 2, 3, 16]) {
        const one = await scene();
        const isBad = (number: number): boolean => number % Math.floor(16 / badCount) === 0;
        const rows = Array.from({ length: 16 }, (_none, at) => rowOf(at + 1, isBad(at + 1) ? { payload: "{" } : {}));

        const written = await one.write(...rows);

        assert.deepEqual(
          written,
          rows.map((_row, at) => (isBad(at + 1) ? NOT_JSON : "new")),
        );
        const again = await one.write(...rows);
        assert.deepEqual(
          again,
          rows.map((_row, at) => (isBad(at + 1) ? NOT_JSON : "same")),
        );
      }
    });

    it("writes events of several months, and of a long time ago", async () => {
      const one = await scene();
      const times = [
        "1970-01-01T00:00:00Z",
        "2024-02-29T23:59:59.999Z",
        "2024-03-01T00:00:00Z",
        "2025-12-31T23:59:59Z",
      ];
      const rows = times.map((time, at) => rowOf(at + 1, { tsNs: BigInt(Date.parse(time)) * 1_000_000n }));

      assert.deepEqual(await one.write(...rows), ["new", "new", "new", "new"]);

      const before1970 = rowOf(9, { tsNs: -1n });
      assert.deepEqual(await one.write(before1970, ...rows), ["new", "same", "same", "same", "same"]);
    });
  });
}
