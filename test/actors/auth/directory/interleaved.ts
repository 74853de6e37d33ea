/**
 * Two operations at once. The first halts before each of its statements in turn; the second runs then, until it has ended or
 * waits for the first; then both end. What they answer, what somebody sees meanwhile and what is there afterwards has to be
 * what it is where one is done after the other, in memory, and somebody looks before, between or behind them.
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Change } from "#actors/auth/directory/directory.ts";
import { MemoryDirectory } from "#actors/auth/directory/memory-directory.ts";
import { must } from "#runtime/errors.ts";
import { seededRandom } from "#runtime/simulated/random.ts";
import {
  type Act,
  all,
  approve,
  approved,
  deliver,
  deny,
  deregister,
  issue,
  left,
  nothing,
  prune,
  register,
  renew,
  revoke,
  rotate,
  rotating,
  spend,
  withToken,
} from "#test/actors/auth/directory/acts.ts";
import { Crossroads } from "#test/actors/auth/directory/crossing.ts";
import { Half } from "#test/actors/auth/directory/halves.ts";
import { Scene, within } from "#test/actors/auth/directory/scene.ts";

interface Case {
  readonly name: string;
  readonly before: Act;
  readonly one: Act;
  readonly other: Act;
}

const JTIS = ["t1", "t2", "t3"];

const both = (name: string, before: Act, one: Act, other: Act): Case => ({ name, before, one, other });
const lone = { nonce: "n", pendingMax: 1 };

const CASES: readonly Case[] = [
  both("one new key, twice", nothing, register("a", { nonce: "1" }), register("a", { nonce: "2" })),
  both("one request of a new key, twice", nothing, register("a", { nonce: "1" }), register("a", { nonce: "1" })),
  both("one new key, for itself and for a producer", approved, register("b", { nonce: "1" }), rotate("b", "2")),
  both("two producers where one may wait", nothing, register("a", lone), register("b", lone)),
  both("a producer where one waits, and the end of that", all(register("a")), register("b", lone), deny("a")),
  both("two further keys where one more may wait", all(rotating, rotate("d")), rotate("e"), rotate("f")),
  both("a further key, and the end of the approved one", approved, rotate("b"), deny("a")),
  both("a request, twice", approved, spend("a", "n"), spend("a", "n")),
  both("a request for two operations", approved, spend("a", "n"), deregister("a", "n")),
  both("an exchange, twice", approved, issue("t1", "a", "n"), issue("t2", "a", "n")),
  both("an exchange with the nonce of a registration", approved, issue("t1", "a", "n"), register("a", { nonce: "n" })),
  both("an exchange, and the end of its key", approved, issue("t1", "a", "n"), deny("a")),
  both("an exchange, and the approval of its key", all(register("a")), issue("t1", "a", "n"), approve("a")),
  both("an exchange, and a rotation away from its key", rotating, issue("t3", "a", "n"), approve("b")),
  both("an exchange, and a rotation to its key", rotating, issue("t3", "b", "m"), approve("b")),
  both("an exchange, and its producer leaves", approved, issue("t1", "a", "n"), deregister("a")),
  both("an exchange, and its producer comes back", left, issue("t3", "a", "n"), register("a", { nonce: "4" })),
  both("an exchange, delivered twice", approved, deliver("t1", "a", "n"), deliver("t2", "a", "n")),
  both(
    "an exchange that comes again, and the end of its token",
    all(approved, deliver("t1", "a", "n")),
    deliver("t2", "a", "n"),
    revoke("t1"),
  ),
  both("a renewal, and the end of its token", withToken, renew("t1", "t3"), revoke("t1")),
  both("a renewal, and the end of another of its exchange", withToken, renew("t1", "t3"), revoke("t2")),
  both("a renewal, and the end of its key", withToken, renew("t1", "t3"), deny("a")),
  both("a renewal, and a rotation away from its key", rotating, renew("t2", "t3"), approve("b")),
  both("a renewal, and its producer leaves", withToken, renew("t1", "t3"), deregister("a")),
  both("two approvals of two keys", rotating, approve("b"), approve("c")),
  both("two approvals of the first keys", all(rotating, deny("a")), approve("b"), approve("c")),
  both("an approval, twice", all(register("a")), approve("a"), approve("a")),
  both("an approval, and its contrary", all(register("a")), approve("a"), deny("a")),
  both("a rotation, and the end of the key before", rotating, approve("b"), deny("a")),
  both(
    "an approval, and a further registration of its key",
    all(register("a")),
    approve("a"),
    register("a", { nonce: "2" }),
  ),
  both("a producer leaves, and comes back", withToken, deregister("a"), register("a", { nonce: "4" })),
  both("a producer comes back, and its key ends", left, register("a", { nonce: "4" }), deny("a")),
  both("a producer leaves, and its key ends", withToken, deregister("a"), deny("a")),
  both("a producer leaves, twice", withToken, deregister("a", "5"), deregister("a", "6")),
  both("a token ends, twice", withToken, revoke("t1"), revoke("t2")),
  both("a token ends that nobody knows, twice", nothing, revoke("x"), revoke("x")),
  both("a key ends, twice", withToken, deny("a"), deny("a")),
  both("changes of two producers", all(withToken, register("z"), approve("z")), revoke("t1"), revoke("x")),
];

/** `place` by `place`, until the operation that is to halt has not that many statements. */
async function atEveryPlace(run: (place: number) => Promise<boolean>): Promise<number> {
  for (let place = 0; ; place += 1) if (!(await run(place))) return place;
}

export function describeInterleaved(url: string): void {
  const crossroads = new Crossroads(url);

  describe("directory (postgres): two operations at once", () => {
    for (const { name, before, one, other } of CASES) {
      it(`are as one after the other: ${name}`, async () => {
        const allowed = await storiesOf(before, one, other);

        for (const isFirst of [true, false]) {
          const [halts, follows] = isFirst ? [one, other] : [other, one];
          await atEveryPlace(async (place) => {
            await crossroads.empty();
            const half = new Half(crossroads.directory);
            await before(half, half.scene);
            let seen = "";

            const answers = await crossroads.cross({
              halts: (directory) => halts(half, new Scene(directory)),
              place,
              follows: (directory) => follows(half, new Scene(directory)),
              meanwhile: async () => {
                seen = await half.whole(JTIS);
              },
            });

            if (answers === undefined) return false;
            const story = await storyOf(half, seen, isFirst ? answers : answers.toReversed());
            const where = `the ${isFirst ? "first" : "second"} one halts before its statement ${place}`;
            assert(allowed.includes(story), `${where}:\n${story}\nis none of\n${allowed.join("\nand\n")}`);
            return true;
          });
        }
      });
    }

    it("leave no token that was revoked by name while it was given, before anybody knew it", async () => {
      for (const [jti, before, gives] of [
        ["t1", approved, issue("t1", "a", "n")],
        ["t3", withToken, renew("t1", "t3")],
      ] as const) {
        for (const isGivenFirst of [true, false]) {
          await atEveryPlace(async (place) => {
            await crossroads.empty();
            const half = new Half(crossroads.directory);
            await before(half, half.scene);
            const [halts, follows] = isGivenFirst ? [gives, revoke(jti)] : [revoke(jti), gives];

            const answers = await crossroads.cross({
              halts: (directory) => halts(half, new Scene(directory)),
              place,
              follows: (directory) => follows(half, new Scene(directory)),
            });

            if (answers === undefined) return false;
            assert.deepEqual(await half.scene.counting(jti), []);
            assert.deepEqual(await half.scene.renew(jti, "next"), { kind: "refused", reason: "token_revoked" });
            return true;
          });
        }
      }
    });

    it("give no token of an exchange that is forgotten meanwhile: what is left of it can be ended by its first name (AUTH-23)", async () => {
      const alone = all(approved, issue("t1", "a", "2"));
      for (const [before, acts] of [
        [alone, renew("t1", "t3")],
        [withToken, renew("t1", "t3")],
        [withToken, renew("t2", "t3")],
        [all(approved, deliver("t1", "a", "n")), deliver("t3", "a", "n")],
      ] as const) {
        for (const isPrunedFirst of [true, false]) {
          const words = new Set<string>();
          await atEveryPlace(async (place) => {
            await crossroads.empty();
            const half = new Half(crossroads.directory);
            await before(half, half.scene);
            const [halts, follows] = isPrunedFirst ? [prune(), acts] : [acts, prune()];

            const answers = await crossroads.cross({
              halts: (directory) => halts(half, new Scene(directory)),
              place,
              follows: (directory) => follows(half, new Scene(directory)),
            });

            if (answers === undefined) return false;
            const known = Object.keys(await half.scene.tokens(...JTIS));
            assert(known.length === 0 || known.includes("t1"), known.join());
            const given = answers[isPrunedFirst ? 1 : 0] as { readonly kind: string };
            words.add(given.kind);
            await half.scene.revokeToken("t1");
            assert.deepEqual(await half.scene.counting(...JTIS), []);
            return true;
          });
          assert(words.has("renewed") || words.has("issued"));
        }
      }
    });

    it("have changes that nobody misses who reads meanwhile", async () => {
      const placeCount = await atEveryPlace(async (place) => {
        await crossroads.empty();
        const half = new Half(crossroads.directory);
        await withToken(half, half.scene);
        const read: Change[] = [];
        let since = await half.scene.lastChange();
        const readOn = async (): Promise<void> => {
          const { last, changes } = must(await crossroads.directory.changesSince(since, within), "changes");
          read.push(...changes);
          since = last;
        };

        const answers = await crossroads.cross({
          halts: (directory) => new Scene(directory).revokeToken("t1"),
          place,
          follows: (directory) => new Scene(directory).revokeToken("x"),
          meanwhile: readOn,
        });

        if (answers === undefined) return false;
        await readOn();
        assert.deepEqual(read.map(({ kind, id }) => `${kind} ${id}`).sort(), ["key a", "token x"], `place ${place}`);
        return true;
      });

      assert(placeCount > 4, "it has halted with its change made, and not committed");
    });
  });
}

/** All that may come of two operations. */
async function storiesOf(before: Act, one: Act, other: Act): Promise<readonly string[]> {
  const stories: string[] = [];
  for (const isFirst of [true, false]) {
    for (const lookedAfter of [0, 1, 2]) {
      const half = new Half(new MemoryDirectory(seededRandom(1)));
      await before(half, half.scene);
      const answers: unknown[] = [];
      let seen = lookedAfter === 0 ? await half.whole(JTIS) : "";
      for (const act of isFirst ? [one, other] : [other, one]) {
        answers.push(await act(half, half.scene));
        if (answers.length === lookedAfter) seen = await half.whole(JTIS);
      }
      stories.push(await storyOf(half, seen, isFirst ? answers : answers.toReversed()));
    }
  }
  return stories;
}

/** What somebody saw meanwhile, what the one and the other answered, and what there is in the end. */
async function storyOf(half: Half, seen: string, answers: readonly unknown[]): Promise<string> {
  return [seen, ...answers.map((answer) => half.tell(answer)), await half.whole(JTIS)].join("\n");
}
