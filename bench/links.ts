/**
 * What a message costs between two cells: calls over a real Unix socket to an actor in a process of its own, through the
 * same switchboards as in a node. Completed work only, and every answer is looked at.
 */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createBoard, ECHO_ACTOR, ECHO_CELL, type EchoProtocol } from "#bench/link-cell.ts";
import { must } from "#runtime/errors.ts";
import type { Ref } from "#runtime/ref.ts";
import { second } from "#runtime/units.ts";

export interface CellCalls {
  /** Bytes of the payload, in the request and again in the reply. */
  readonly sizeBytes: number;
  /** 1: each call waits for the answer to the one before. */
  readonly inFlight: number;
  /** After a first tenth that warms up and does not count. */
  readonly calls: number;
}

const within = { timeoutMs: 30 * second };

/** Calls per second between this process and one that it starts for the purpose. */
export async function cellCallsPerSecond({ sizeBytes, inFlight, calls }: CellCalls): Promise<number> {
  const directory = await mkdtemp(join(tmpdir(), "cepa-links-"));
  const board = createBoard("caller", directory);
  const cell = await startCell(directory);
  try {
    const ref = board.ref<EchoProtocol>(ECHO_ACTOR, ECHO_CELL);
    await callAll(ref, { sizeBytes, inFlight, calls: Math.ceil(calls / 10) });
    const startedMs = performance.now();
    await callAll(ref, { sizeBytes, inFlight, calls });
    return (calls * second) / (performance.now() - startedMs);
  } finally {
    await board.close();
    await stopCell(cell);
    await rm(directory, { recursive: true, force: true });
  }
}

async function callAll(ref: Ref<EchoProtocol>, { sizeBytes, inFlight, calls }: CellCalls): Promise<void> {
  const request = { payload: new Uint8Array(sizeBytes).fill(7) };
  let left = calls;
  const lane = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      const { payload } = must(await ref.call("echo", request, within), "calling the other cell");
      if (payload.byteLength !== sizeBytes) throw new Error(`${payload.byteLength} of ${sizeBytes} bytes came back`);
    }
  };
  await Promise.all(Array.from({ length: inFlight }, lane));
}

async function startCell(directory: string): Promise<ChildProcess> {
  const cell = fork(new URL(import.meta.resolve("#bench/link-cell.ts")), [directory]);
  // Its one message says that it listens.
  const [first] = await Promise.race([once(cell, "message"), once(cell, "exit")]);
  if (first !== "listening") throw new Error(`the other cell did not start: ${String(first)}`);
  return cell;
}

async function stopCell(cell: ChildProcess): Promise<void> {
  const exited = once(cell, "exit");
  cell.disconnect();
  await exited;
}
