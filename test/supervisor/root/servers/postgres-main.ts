/** A parent with a Postgres, for tests that end the parent, or run it as somebody else. Arguments: data, run, user id. */

import { must } from "#runtime/errors.ts";
import { realPrograms } from "#supervisor/root/real-programs.ts";
import { postgresServer } from "#supervisor/root/servers/postgres-server.ts";
import { ServerChild } from "#supervisor/server/server-child.ts";
import { silent } from "#test/supervisor/kit.ts";
import { base } from "#test/supervisor/root/servers/kit.ts";

const [data = "", run = ""] = process.argv.slice(2);
const programs = realPrograms("").postgres;
const userId = process.getuid?.() ?? 0;
const program = postgresServer({ base, places: { data, run }, userId, programs });
const child = new ServerChild({
  name: "postgres",
  log: silent,
  processes: base.processes,
  clock: base.clock,
  ...program,
});
must(await child.start(), "the server");
process.stdout.write("ready\n");
process.stdin.on("end", async () => {
  await child.stop();
  process.exit(0);
});
process.stdin.resume();
