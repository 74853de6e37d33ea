/** The producer of `examples/producer` that is a shell script, and programs like it, run as a user runs them. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { join } from "node:path";
import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { eventually } from "#test/kit/node.ts";
import type { WorkNode } from "#test/kit/work-node.ts";

/** Where the examples are. */
export const PRODUCERS: string = join(import.meta.dirname, "..", "..", "examples", "producer");

export interface Ended {
  readonly code: number | null;
  /** Of its standard output. */
  readonly lines: readonly string[];
  readonly errors: string;
}

export async function runProgram(
  command: string,
  args: readonly string[],
  input: readonly string[] | AsyncIterable<string> = [],
): Promise<Ended> {
  const child = spawn(command, args);
  child.stdin.on("error", () => undefined); // One that refuses reads nothing.
  Readable.from(input)
    .map((line: string) => `${line}\n`)
    .pipe(child.stdin);
  const closed = new Promise<number | null>((resolve) => child.once("close", resolve));
  const [out, errors, code] = await Promise.all([text(child.stdout), text(child.stderr), closed]);
  return { code, lines: out.split("\n").filter((line) => line !== ""), errors };
}

/** One command of the script. */
export function shell(args: readonly string[], input?: readonly string[]): Promise<Ended> {
  return runProgram("sh", [join(PRODUCERS, "producer.sh"), ...args], input);
}

export interface ShellProducer {
  readonly producerId: string;
  readonly subjectId: string;
  /** Had for another one. */
  readonly token: string;
}

/** Comes as a stranger, and leaves with all that publishing takes. */
export async function comeByShell(work: WorkNode, name: string): Promise<ShellProducer> {
  const [key, url] = [work.file(name), work.url];
  const made = await shell(["key", key]);
  assert.equal(made.code, 0, made.errors);
  work.certify(name);
  const registered = shell(["register", url, key]);
  await letIn(work, 1);
  const producerId = only(await registered);
  const first = only(await shell(["token", url, key, producerId]));
  const token = only(await shell(["renew", url, producerId, first]));
  const subjectId = only(await shell(["subject", url, key, producerId, `hosts/${name}`, "load"]));
  return { producerId, subjectId, token };
}

/** Approves keys as they come, until `count` were. */
export async function letIn(work: WorkNode, count: number): Promise<void> {
  let approved = 0;
  await eventually(20_000, `${count} keys are approved`, async () => {
    approved += await work.approvePending();
    return approved >= count;
  });
}

/** What it printed, alone in its line. */
function only({ code, lines, errors }: Ended): string {
  assert.deepEqual([code, lines.length], [0, 1], errors);
  return lines[0] ?? "";
}

/** A token that the node has signed and that nobody knows any more: it is asked about every time it comes. */
export async function forgottenToken(work: WorkNode, name: string, producerId: string): Promise<string> {
  const token = only(await shell(["token", work.url, work.file(name), producerId]));
  const [, claims = ""] = token.split(".");
  const { jti } = JSON.parse(Buffer.from(claims, "base64url").toString()) as { readonly jti: string };
  assert.equal((await work.rows("delete from auth.tokens where jti = $1 returning jti", [jti])).length, 1);
  return token;
}
