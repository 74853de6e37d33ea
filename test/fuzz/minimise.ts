/** The fewest and shortest inputs that reach what all of them do, as far as there is room. */
import { CORPUS_INPUT_BYTES_MAX, CORPUS_INPUTS_MAX, type CorpusInput } from "#test/fuzz/corpus.ts";
import { examine } from "#test/fuzz/oracle.ts";
import { Reach } from "#test/fuzz/reach.ts";
import type { Target } from "#test/fuzz/target.ts";

interface Reached {
  readonly input: CorpusInput;
  readonly ways: ReadonlySet<string>;
  /** Without how often. */
  readonly plainWays: ReadonlySet<string>;
}

/** Pinned ones stay. What the seeds reach needs no other input. */
export async function minimise(target: Target, inputs: readonly CorpusInput[]): Promise<readonly CorpusInput[]> {
  const pinned = inputs.filter(({ isPinned }) => isPinned);
  const short = inputs.filter(({ bytes, isPinned }) => !isPinned && bytes.length <= CORPUS_INPUT_BYTES_MAX);
  const seeds = target.seeds.map((bytes): CorpusInput => ({ bytes, isPinned: true }));
  const known = await look(target, [...seeds, ...pinned]);
  const found = (await look(target, short)).sort(
    (one, other) =>
      one.input.bytes.length - other.input.bytes.length || Buffer.compare(one.input.bytes, other.input.bytes),
  );

  const kept = new Set<CorpusInput>();
  // First those that go somewhere else at all, then those that go there more often.
  for (const kind of ["plainWays", "ways"] as const) {
    const seen = new Set(
      [...known, ...found.filter(({ input }) => kept.has(input))].flatMap((each) => [...each[kind]]),
    );
    for (const each of found) {
      if (kept.size === CORPUS_INPUTS_MAX) break;
      const before = seen.size;
      for (const way of each[kind]) seen.add(way);
      if (seen.size > before) kept.add(each.input);
    }
  }
  return [...pinned, ...kept];
}

/** Twice: what is only done the first time is done by none of them. */
async function look(target: Target, inputs: readonly CorpusInput[]): Promise<Reached[]> {
  const reach = new Reach();
  try {
    for (const { bytes } of inputs) await examine(target, bytes);
    reach.lookClosely();
    const looked: Reached[] = [];
    for (const input of inputs) {
      await examine(target, input.bytes);
      const ways = reach.lookClosely();
      const plainWays = new Set([...ways].map((way) => way.replaceAll(/×[1-9]\d*/g, "×1")));
      looked.push({ input, ways, plainWays });
    }
    return looked;
  } finally {
    reach.close();
    await target.close?.();
  }
}
