/** Prints what every rule has to say, plainly, missing rows of tables ready to be filled in: `node test/house/report.ts`. */
import { join } from "node:path";
import { rules } from "#test/house/rules.ts";
import { readTree } from "#test/house/tree.ts";

const files = readTree(join(import.meta.dirname, "..", ".."));
for (const rule of Object.values(rules).flat()) {
  const said = rule.check(files);
  if (said.length > 0) process.stdout.write(`${rule.name}:\n${said.map((line) => `  ${line}\n`).join("")}`);
}
