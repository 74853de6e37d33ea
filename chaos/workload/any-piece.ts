/** One piece of an upload, of any size, as a client sends it: whole, broken off in its middle, or with the checksum of another one. */
import { createHash } from "node:crypto";
import type { SentPiece } from "#chaos/checkers/upload-model.ts";
import { uploadOf } from "#chaos/workload/objects.ts";
import type { WorldRequest } from "#chaos/world.ts";
import type { Clock } from "#runtime/clock.ts";
import type { Random } from "#runtime/random.ts";

/** Of so many pieces one is the last, whatever is left. */
const LAST_ONE_IN = 3;
const BROKEN_ONE_IN = 10;
const DISPROVEN_ONE_IN = 16;
const PROVEN_ONE_IN = 3;
const SHAS = ["sha1", "sha256", "sha512"] as const;

/** Broken: the client goes away before its end. Disproven: its checksum is that of other bytes. */
export type PieceFate = "whole" | "broken" | "disproven";

export interface Piece {
  readonly fate: PieceFate;
  /** Where the upload is when all of it was taken. */
  readonly to: number;
  /** What of it may be taken; undefined where nothing may. */
  readonly sent: SentPiece | undefined;
  readonly request: Required<Pick<WorldRequest, "headers" | "body">> & Pick<WorldRequest, "contentLength">;
}

export interface PieceSeams {
  readonly clock: Clock;
  readonly random: Random;
}

/** Of the bytes from `from` on. Where it may not fail it is whole. */
export function anyPiece(bytes: Uint8Array, from: number, mayFail: boolean, { clock, random }: PieceSeams): Piece {
  const isLast = random.below(LAST_ONE_IN) === 0;
  const to = isLast ? bytes.length : from + random.below(bytes.length - from + 1);
  const held = bytes.subarray(from, to);
  const fate = mayFail && held.length > 0 ? anyFate(random) : "whole";
  const failAt = fate === "broken" ? random.below(held.length) : undefined;
  const isProven = fate === "disproven" || random.below(PROVEN_ONE_IN) === 0;
  const proof = isProven ? { "upload-checksum": checksumOf(held, fate === "disproven", random) } : {};
  const isKnown = random.below(PROVEN_ONE_IN) > 0;
  return {
    fate,
    to,
    sent: sentOf({ from, to, isWhole: isProven }, fate, failAt),
    request: {
      headers: { "content-type": "application/offset+octet-stream", ...proof },
      body: uploadOf(held, { clock, random, ...(failAt === undefined ? {} : { failAt }) }),
      ...(isKnown ? { contentLength: held.length } : {}),
    },
  };
}

function anyFate(random: Random): PieceFate {
  if (random.below(BROKEN_ONE_IN) === 0) return "broken";
  return random.below(DISPROVEN_ONE_IN) === 0 ? "disproven" : "whole";
}

function sentOf(piece: SentPiece, fate: PieceFate, failAt: number = 0): SentPiece | undefined {
  if (fate === "whole") return piece;
  const isNothing = fate === "disproven" || piece.isWhole;
  return isNothing ? undefined : { ...piece, to: piece.from + failAt };
}

function checksumOf(bytes: Uint8Array, isWrong: boolean, random: Random): string {
  const sha = SHAS[random.below(SHAS.length)] ?? "sha1";
  const digest = createHash(sha).update(bytes).digest();
  if (isWrong) digest[0] = (digest[0] ?? 0) ^ 1;
  return `${sha} ${digest.toString("base64")}`;
}
