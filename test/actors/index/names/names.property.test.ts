/** Names against the plainest thing that could be right: all records of a name in an array, nothing forgotten. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { fullName, type Name } from "#actors/domain/name.ts";
import type { NameRecord } from "#actors/domain/name-record.ts";
import { Names, type NamesLimits } from "#actors/index/names/names.ts";
import type { NameState } from "#actors/index/protocol.ts";
import { must, type Result } from "#runtime/errors.ts";
import { MemoryDisk } from "#runtime/simulated/disk.ts";
import { seededRandom } from "#runtime/simulated/random.ts";
import { NaiveName, readRecord } from "#test/actors/domain/name-verifier.ts";
import { labelOf, nextRecord, objectValue, signedRecord, signerOf } from "#test/kit/names.ts";

/** Small, so that all of them are met in every run. */
const limits: NamesLimits = { namesMax: 3, historyMax: 4, recordsMax: 6 };

interface Bringing {
  readonly kind: "next" | "again" | "rival" | "gap" | "wrong-prev";
  readonly signer: 1 | 2;
  readonly label: number;
  readonly byte: number;
  readonly back: number;
}
interface Upkeep {
  readonly kind: "restart" | "compact";
}
type Step = Bringing | Upkeep;

const names = fc.record({
  signer: fc.constantFrom<1 | 2>(1, 2),
  label: fc.integer({ min: 0, max: 1 }),
  byte: fc.integer({ min: 0, max: 3 }),
  back: fc.integer({ min: 0, max: 5 }),
});
const kinds = fc.constantFrom<Bringing["kind"]>("next", "next", "next", "next", "again", "gap", "wrong-prev", "rival");
const steps: fc.Arbitrary<readonly Step[]> = fc.array(
  fc.oneof(
    { weight: 12, arbitrary: fc.tuple(names, kinds).map(([name, kind]): Step => ({ ...name, kind })) },
    { weight: 1, arbitrary: fc.constantFrom<Upkeep["kind"]>("restart", "compact").map((kind): Step => ({ kind })) },
  ),
  { maxLength: 60, size: "max" },
);

function isBringing(step: Step): step is Bringing {
  return step.kind !== "restart" && step.kind !== "compact";
}

interface Known {
  readonly name: Name;
  readonly model: NaiveName;
  /** As many as the model has, in the same places. */
  readonly records: NameRecord[];
}

async function openNames(disk: MemoryDisk): Promise<Names> {
  const opened = new Names({
    disk,
    random: seededRandom(1),
    directory: "/data/names",
    limits,
    compactBytesMin: 1500,
    onEquivocation: () => undefined,
    onTrouble: () => undefined,
  });
  must(await opened.open(), "opening the journal");
  return opened;
}

/** What the step brings, given what there is. */
function bring(step: Bringing, { records }: Known): NameRecord {
  const signer = signerOf(step.signer);
  const label = labelOf(`l${step.label}`);
  const value = objectValue(step.byte);
  const current = records.at(-1);
  if (current === undefined) return signedRecord(signer, { label, value });
  const past = records.at(-1 - (step.back % records.length)) ?? current;
  switch (step.kind) {
    case "next":
      return nextRecord(signer, current, { value });
    case "again":
      return past;
    case "rival":
      return signedRecord(signer, { label, seq: past.seq, prev: past.prev, value: objectValue(9) });
    case "gap":
      return nextRecord(signer, current, { seq: current.seq + 2, value });
    case "wrong-prev":
      return nextRecord(signer, current, { prev: signedRecord(signer, { label, value: objectValue(8) }).digest });
  }
}

function answerOf(result: Result<void>): string {
  if (result.ok) return "kept";
  return result.failure.code.replace("index.name-", "");
}

function checkState(state: NameState, { model, records }: Known): void {
  const { history, evidence } = state;
  assert.deepEqual(history.at(-1)?.digest, model.records.at(-1)?.digest, "the current record is the last one set");
  assert(history.length >= 1 && history.length <= limits.historyMax);
  const kept = records.slice(-history.length).map(({ digest }) => digest);
  assert.deepEqual(
    history.map(({ digest }) => digest),
    kept,
    "what is kept is the end of the chain",
  );
  assert.equal(evidence !== undefined, model.isFrozen);
  for (const record of [...history, ...(evidence ?? [])]) {
    assert(typeof readRecord(record.bytes) === "object", "every record can be verified by anybody");
  }
  if (evidence === undefined) return;
  const [one, other] = evidence;
  assert(fullName(one) === fullName(other) && one.seq === other.seq && one.digest !== other.digest);
}

describe("names: random sets by two signers", () => {
  it("come to what a plain model says, over restarts and compactions (IDX-8, IDX-9, IDX-10, IDX-11, IDX-17)", async () => {
    const seen = { set: 0, frozen: 0, conflict: 0, full: 0, forgotten: 0 };
    await fc.assert(
      fc.asyncProperty(steps, async (script) => {
        const disk = new MemoryDisk();
        let under = await openNames(disk);
        const known = new Map<string, Known>();
        for (const step of script) {
          if (step.kind === "restart") {
            await under.close();
            under = await openNames(disk);
          } else if (step.kind === "compact") {
            must(await must(await under.open(), "open").compact(), "compacting");
          } else if (isBringing(step)) {
            const name = { publicKey: signerOf(step.signer).publicKey, label: labelOf(`l${step.label}`) };
            const here = known.get(fullName(name)) ?? { name, model: new NaiveName(), records: [] };
            const record = bring(step, here);
            const result = await under.set(record);

            if (here.records.length === 0 && known.size >= limits.namesMax) {
              assert.deepEqual(result, {
                ok: false,
                failure: { code: "index.names-full", namesMax: limits.namesMax },
              });
              assert.deepEqual(await under.judge(record), result, "it is said before anything is made ready");
              seen.full += 1;
              continue;
            }
            known.set(fullName(name), here);
            const kept = must(await under.read(name), "a name that was set").history;
            const isForgotten = !here.model.isFrozen && kept.every(({ seq }) => seq > record.seq);
            seen.forgotten += kept.length < here.records.length ? 1 : 0;
            const read = readRecord(record.bytes);
            assert(typeof read === "object");
            // A rival of what was forgotten is no evidence any more: it is only not next.
            const expected = isForgotten ? "conflict" : here.model.set(read);
            if (expected === "set") here.records.push(record);
            assert.equal(answerOf(result), expected === "set" || expected === "known" ? "kept" : expected);
            if (!result.ok && result.failure.code === "index.name-conflict") {
              assert.deepEqual(result.failure.current?.digest, here.model.records.at(-1)?.digest);
            }
            if (expected === "set" || expected === "frozen" || expected === "conflict") seen[expected] += 1;
          }
          for (const one of known.values()) checkState(must(await under.read(one.name), "a name that was set"), one);
          const { nameCount, recordCount, frozenCount } = under.totals ?? assert.fail("it is open");
          assert.equal(nameCount, known.size);
          assert(recordCount <= known.size + limits.recordsMax);
          assert.equal(frozenCount, [...known.values()].filter(({ model }) => model.isFrozen).length);
        }
        await under.close();
        assert.equal(disk.openCount, 0, "nothing is left open");
      }),
      { numRuns: 80 },
    );

    // The test would say nothing if the scripts were dull.
    const { set, ...others } = seen;
    assert(set > 300 && Object.values(others).every((count) => count > 10), JSON.stringify(seen));
  });
});
