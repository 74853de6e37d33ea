/** Arms take turns, round by round, and the order goes round too: what else the machine does meets all of them. */

export type Arms = Readonly<Record<string, (() => Promise<number>) | undefined>>;

/** One sample a round for each arm; undefined for one that is not there. */
export type Samples = Readonly<Record<string, readonly number[] | undefined>>;

/** `before` is called before each round, and is nobody's time. */
export async function takeTurns(
  arms: Arms,
  rounds: number,
  before: (round: number) => Promise<void> = async () => undefined,
): Promise<Samples> {
  const there = Object.entries(arms).flatMap(([name, run]) => (run === undefined ? [] : [{ name, run }]));
  const samples = new Map<string, number[]>(there.map(({ name }) => [name, []]));
  for (let round = 0; round < rounds; round += 1) {
    await before(round);
    for (let turn = 0; turn < there.length; turn += 1) {
      const arm = there[(round + turn) % there.length];
      if (arm !== undefined) samples.get(arm.name)?.push(await arm.run());
    }
  }
  return Object.fromEntries(Object.keys(arms).map((name) => [name, samples.get(name)]));
}
