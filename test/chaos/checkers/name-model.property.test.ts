/**
 * The model of names beside the table that a node keeps, on records that come one after another: of all answers that there
 * could be, to a set and to every kind of read, it allows the one that the table gives, and no other.
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import type { NameRecord } from "#actors/domain/name-record.ts";
import { encodeNameEntry } from "#actors/index/names/name-entry.ts";
import { NameTable, type Verdict } from "#actors/index/names/name-table.ts";
import { type NameAnswer, type NameAsked, type NameEvidence, nameModel } from "#chaos/checkers/name-model.ts";
import { factOf } from "#chaos/workload/owned-name.ts";
import { nextRecord, objectValue, signedRecord, signerOf } from "#test/kit/names.ts";
import { drawnAs } from "#test/kit/runs.ts";

/** Small, so that records are forgotten in most runs. */
const historyMax = 3;
const signer = signerOf(1);
const name = signedRecord(signer);
const WALL_MS = Date.UTC(2026, 0, 1);

interface Step {
  readonly kind: "next" | "again" | "rival" | "ahead" | "astray";
  readonly back: number;
  readonly isExpired: boolean;
}
const steps = fc.array(
  fc.record({
    kind: fc.constantFrom<Step["kind"]>("next", "next", "next", "again", "rival", "ahead", "astray"),
    back: fc.nat({ max: 5 }),
    isExpired: fc.boolean(),
  }),
  { minLength: 1, maxLength: 8, size: "max" },
);

describe("name model: step", () => {
  it("allows what the table of a node says, and nothing else", (context) => {
    const tally: Record<string, number> = {};
    fc.assert(
      fc.property(steps, (script) => {
        const model = nameModel({ historyMax });
        const table = new NameTable({ historyMax, recordsMax: 1000 });
        const brought: NameRecord[] = [];
        let state = model.initial;
        for (const [at, step] of script.entries()) {
          const record = recordOf(step, at, brought);
          brought.push(record);
          const asked: NameAsked = { kind: "set", record: factOf(record, WALL_MS) };

          const answer = answerTo(table.judge(record), table, record);
          const after = only(model, state, asked, setAnswers(brought), answer);

          tally[answer.kind] = (tally[answer.kind] ?? 0) + 1;
          const unseen = model.step(state, asked, { kind: "unknown" });
          const hasEffect = model.keyOf(state) !== model.keyOf(after);
          assert.equal(
            unseen === undefined ? undefined : model.keyOf(unseen),
            hasEffect ? model.keyOf(after) : undefined,
          );
          assert(!model.isRead(asked, { kind: "ok", answer }) || after === state, "a read leaves the state as it is");
          state = after;
          for (const kind of ["resolve", "history", "list"] as const) {
            const read = only(model, state, { kind }, readAnswers(kind, brought), readOf(kind, table));
            assert.equal(read, state);
            assert.equal(model.step(state, { kind }, { kind: "unknown" }), state);
          }
        }
      }),
      drawnAs({ usual: 150, slowness: 5 }),
    );

    context.diagnostic(JSON.stringify(tally));
    for (const kind of ["set", "conflict", "frozen"]) assert((tally[kind] ?? 0) > 0, `there was: ${kind}`);
  });
});

function recordOf({ kind, back, isExpired }: Step, at: number, brought: readonly NameRecord[]): NameRecord {
  const wanted = { value: objectValue(at), exp: isExpired ? 1 : undefined };
  const chosen = brought[Math.max(0, brought.length - 1 - back)];
  const last = brought.findLast(
    ({ seq, prev }) => seq < 100 && (seq === 1 || brought.some(({ digest }) => digest === prev)),
  );
  if (last === undefined || chosen === undefined) return signedRecord(signer, wanted);
  switch (kind) {
    case "next":
      return nextRecord(signer, last, wanted);
    case "again":
      return chosen;
    case "rival":
      return signedRecord(signer, { ...wanted, seq: chosen.seq, prev: chosen.prev });
    case "astray":
      return signedRecord(signer, { ...wanted, seq: last.seq + 1, prev: signedRecord(signer, wanted).digest });
    case "ahead":
      return nextRecord(signer, last, { ...wanted, seq: last.seq + 100 });
  }
}

/** As a node answers, once the table has taken the record in. */
function answerTo(verdict: Verdict, table: NameTable, record: NameRecord): NameAnswer {
  switch (verdict.kind) {
    case "next":
      table.apply(encodeNameEntry({ kind: "record", record }));
      return { kind: "set" };
    case "known":
      return { kind: "set" };
    case "not-next":
      return { kind: "conflict", current: verdict.current?.digest };
    case "frozen":
      return { kind: "frozen", evidence: digestsOf(verdict.evidence) };
    case "equivocation":
      table.apply(encodeNameEntry({ kind: "evidence", evidence: verdict.evidence }));
      return { kind: "frozen", evidence: digestsOf(verdict.evidence) };
  }
}

function readOf(kind: "resolve" | "history" | "list", table: NameTable): NameAnswer {
  const state = table.get(name);
  const current = state?.history.at(-1);
  if (state === undefined || current === undefined) return { kind: "nothing" };
  const evidence = state.evidence === undefined ? undefined : digestsOf(state.evidence);
  const digests = state.history.map(({ digest }) => digest);
  if (kind === "history") return { kind: "history", digests, evidence };
  if (kind === "list") return { kind: "listed", digest: current.digest, isFrozen: evidence !== undefined };
  if (evidence !== undefined) return { kind: "frozen", evidence };
  return { kind: current.exp === undefined ? "leads" : "expired", digest: current.digest };
}

/** The state after the one answer that is allowed, which is `right`. */
function only<State>(
  model: {
    step(state: State, asked: NameAsked, outcome: { kind: "ok"; answer: NameAnswer }): State | undefined;
  },
  state: State,
  asked: NameAsked,
  answers: readonly NameAnswer[],
  right: NameAnswer,
): State {
  for (const answer of answers) {
    const isAllowed = model.step(state, asked, { kind: "ok", answer }) !== undefined;
    const isRight = JSON.stringify(answer) === JSON.stringify(right);
    assert.equal(
      isAllowed,
      isRight,
      `${JSON.stringify(asked)}: ${JSON.stringify(answer)}, not ${JSON.stringify(right)}`,
    );
  }
  const after = model.step(state, asked, { kind: "ok", answer: right });
  assert(after !== undefined);
  return after;
}

function setAnswers(brought: readonly NameRecord[]): readonly NameAnswer[] {
  const digests = [...new Set(brought.map(({ digest }) => digest))];
  return [
    { kind: "set" },
    { kind: "nothing" },
    ...[undefined, ...digests].map((current): NameAnswer => ({ kind: "conflict", current })),
    ...pairsOf(digests).map((evidence): NameAnswer => ({ kind: "frozen", evidence })),
  ];
}

function readAnswers(kind: "resolve" | "history" | "list", brought: readonly NameRecord[]): readonly NameAnswer[] {
  const digests = [...new Set(brought.map(({ digest }) => digest))];
  const pairs = pairsOf(digests);
  if (kind === "resolve") {
    return [
      { kind: "nothing" },
      ...digests.flatMap((digest): NameAnswer[] => [
        { kind: "leads", digest },
        { kind: "expired", digest },
      ]),
      ...pairs.map((evidence): NameAnswer => ({ kind: "frozen", evidence })),
    ];
  }
  if (kind === "list") {
    const listed = (isFrozen: boolean) => digests.map((digest): NameAnswer => ({ kind: "listed", digest, isFrozen }));
    return [{ kind: "nothing" }, ...listed(false), ...listed(true)];
  }
  // Every run of records that follow on each other as they were brought, and none.
  const runs = digests.flatMap((_, from) => digests.slice(from).map((__, to) => digests.slice(from, from + to + 1)));
  return [
    { kind: "nothing" },
    ...runs.flatMap((run) =>
      [undefined, ...pairs].map((evidence): NameAnswer => ({ kind: "history", digests: run, evidence })),
    ),
  ];
}

function digestsOf([known, rival]: readonly [NameRecord, NameRecord]): NameEvidence {
  return [known.digest, rival.digest];
}

function pairsOf(digests: readonly string[]): readonly NameEvidence[] {
  return digests.flatMap((one) => digests.filter((other) => other !== one).map((other): NameEvidence => [one, other]));
}
