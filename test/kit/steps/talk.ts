/** One connection between a node and a server, cut into what is said whole. */
import type { Step } from "#test/kit/steps/step.ts";

/** It goes on as a whole; where it has a step, that is come to before it does. */
export interface Part {
  readonly to: "server" | "node";
  readonly bytes: Buffer;
  readonly step?: Step;
}

export interface Talk {
  /** What the node said next; what is not whole yet stays here. */
  fromNode(bytes: Buffer): readonly Part[];
  fromServer(bytes: Buffer): readonly Part[];
}

export function partOf(to: Part["to"], bytes: Buffer, step?: Step): Part {
  return step === undefined ? { to, bytes } : { to, bytes, step };
}
