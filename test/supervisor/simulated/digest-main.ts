/** Prints the digest of one history: for a comparison with that of another process. The argument is the seed. */
import { runSeed } from "#runtime/simulated/seeds.ts";
import { loaded } from "#test/supervisor/simulated/catalogue.ts";
import { NodeHistory } from "#test/supervisor/simulated/node-history.ts";

const seed = Number(process.argv[2]);
const digest = await runSeed(seed, (simulation) => new NodeHistory(simulation, loaded).run());
process.stdout.write(digest);
