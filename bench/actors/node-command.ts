/** A child in Node that runs a file of this folder. */
import { join } from "node:path";
import type { Command } from "#bench/actors/asked-child.ts";

export function nodeCommand(file: string, ...args: readonly (string | number)[]): Command {
  return { file: process.execPath, args: [join(import.meta.dirname, file), ...args.map(String)] };
}
