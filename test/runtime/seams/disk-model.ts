/** The model part of the disk's conformance suite: any sequence of operations agrees with an array of bytes. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { must } from "#runtime/errors.ts";
import type { MakeDisk } from "#test/runtime/seams/disk-suite.ts";

type Step =
  | { readonly kind: "write"; readonly parts: readonly Uint8Array[]; readonly position: number }
  | { readonly kind: "truncate"; readonly sizeBytes: number }
  | { readonly kind: "read"; readonly length: number; readonly position: number }
  | { readonly kind: "reopen" };

const position = fc.nat({ max: 3000 });
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    kind: fc.constant("write" as const),
    parts: fc.array(fc.uint8Array({ maxLength: 700, size: "max" }), { maxLength: 4 }),
    position,
  }),
  fc.record({ kind: fc.constant("truncate" as const), sizeBytes: position }),
  fc.record({ kind: fc.constant("read" as const), length: fc.nat({ max: 4000 }), position }),
  fc.record({ kind: fc.constant("reopen" as const) }),
);

/** Leaves one byte of what was written: its first. */
const firstByte: readonly Step[] = [
  { kind: "write", parts: [Uint8Array.of(1, 2)], position: 4 },
  { kind: "reopen" },
  { kind: "truncate", sizeBytes: 5 },
];

export function modelTests(make: MakeDisk): void {
  test("reads, writes and truncates agree with an array of bytes (property)", async (context) => {
    const { disk, directory } = await make(context);
    let runs = 0;

    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 25, size: "max" }), async (steps) => {
        runs += 1;
        const path = `${directory}/${runs}`;
        let model: number[] = [];
        let descriptor = must(await disk.open(path, "create-new"), "opening");
        for (const one of steps) {
          if (one.kind === "write") {
            must(await disk.write(descriptor, one.parts, one.position), "writing");
            const bytes = one.parts.flatMap((part) => [...part]);
            if (bytes.length > 0) while (model.length < one.position) model.push(0);
            model.splice(one.position, bytes.length, ...bytes);
          } else if (one.kind === "truncate") {
            must(await disk.truncate(descriptor, one.sizeBytes), "truncating");
            model = Array.from({ length: one.sizeBytes }, (_, index) => model[index] ?? 0);
          } else if (one.kind === "read") {
            const into = new Uint8Array(one.length);
            const count = must(await disk.read(descriptor, into, one.position), "reading");
            assert.deepEqual([...into.subarray(0, count)], model.slice(one.position, one.position + one.length));
          } else {
            must(await disk.close(descriptor), "closing");
            descriptor = must(await disk.open(path, "write"), "opening again");
          }
          assert.equal(must(await disk.sizeBytes(descriptor), "size"), model.length);
        }
        must(await disk.close(descriptor), "closing");
        assert.deepEqual([...must(await disk.readFile(path), "reading")], model);
        must(await disk.remove(path), "removing");
      }),
      { numRuns: 60, examples: [[[...firstByte]]] },
    );
  });
}
