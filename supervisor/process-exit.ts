/** The end of an operating-system process, as an exit reason. */
import { Defect, type ExitReason } from "#runtime/errors.ts";
import type { ProcessExit } from "#runtime/processes.ts";

/** `lastWords`: what it said before it ended, for people; bounded by the caller. */
export function exitReasonOf({ code, signal }: ProcessExit, lastWords = ""): ExitReason {
  if (code === 0) return { kind: "normal" };
  if (signal === "SIGKILL") return { kind: "killed", afterMs: 0 };
  // One that ends itself by a signal has found something broken, such as its memory.
  const how = signal === undefined ? `exit code ${code}` : `ended by ${signal}`;
  return { kind: "crashed", defect: new Defect(withWords(how, lastWords)) };
}

export function withWords(what: string, lastWords: string): string {
  return lastWords === "" ? what : `${what}: ${lastWords}`;
}
