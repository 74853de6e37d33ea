/**
 * Loaded before a test runs, in its process and in those that it starts: one source is then another text.
 *
 * Which one, and the text, `CEPA_MUTANT` has as the path of a file. The sources on disk stay as they are.
 */
import { readFileSync } from "node:fs";
import { registerHooks } from "node:module";

const { url: mutated, text } = JSON.parse(readFileSync(process.env["CEPA_MUTANT"] ?? "", "utf8")) as Record<
  "url" | "text",
  string
>;

registerHooks({
  load(url, context, nextLoad) {
    return url === mutated ? { format: "module", source: text, shortCircuit: true } : nextLoad(url, context);
  },
});
