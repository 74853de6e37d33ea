/** The end of an operating-system process, as an exit reason. */
import { Defect, type ExitReason } from "#runtime/errors.ts";
import type { ProcessExit } from "#runtime/processes.ts";

/** Characters of last words in a reason: the end of them. */
export const LAST_WORDS_LENGTH_MAX = 150;

/** `lastWords`: what it said before it ended, for people; bounded by the caller. */
export function exitReasonOf({ code, signal }: ProcessExit, lastWords = ""): ExitReason {
  if (code === 0) return { kind: "normal" };
  if (signal === "SIGKILL") return { kind: "killed", afterMs: 0 };
  // One that ends itself by a signal has found something broken, such as its memory.
  const how = signal === undefined ? `exit code ${code}` : `ended by ${signal}`;
  return { kind: "crashed", defect: new Defect(withWords(how, lastWords)) };
}

/** Of many words the last ones: what comes before an end says why. A reason is cut at its end when it is told. */
export function withWords(what: string, lastWords: string): string {
  if (lastWords === "") return what;
  const isLong = lastWords.length > LAST_WORDS_LENGTH_MAX;
  return `${what}: ${isLong ? `…${lastWords.slice(-LAST_WORDS_LENGTH_MAX)}` : lastWords}`;
}
