/**
 * Where one upload in pieces may be: a function of what was sent of it, in any order, and of what was said of it, one after the
 * other. What was said is durable, so it is never taken back; and nothing is there that was not sent.
 */

/** Bytes of an upload on their way, as far as its client sends them. */
export interface SentPiece {
  /** Where the upload has to be for it to be taken. */
  readonly from: number;
  /** Behind its last byte. */
  readonly to: number;
  /** It carries a proof: all of it is taken, or nothing. */
  readonly isWhole: boolean;
}

/** What is wrong with an offset. */
export type OffsetProblem = "taken-back" | "never-sent";

export class UploadModel {
  #saidBytes = 0;
  /** What may arrive yet, or may have. */
  #sent: SentPiece[] = [];

  /** Farthest that it was said to be. */
  get saidBytes(): number {
    return this.#saidBytes;
  }

  /** To be called before it is sent. Of what is refused as it should be, nothing is sent. */
  sends(piece: SentPiece): void {
    this.#sent.push(piece);
  }

  /** To be called with an offset that was asked for after the one before was said. */
  says(offsetBytes: number): OffsetProblem | undefined {
    if (offsetBytes < this.#saidBytes) return "taken-back";
    const isSent = this.#sent.some((piece) => mayLeadTo(piece, offsetBytes));
    if (offsetBytes > this.#saidBytes && !isSent) return "never-sent";
    this.#saidBytes = offsetBytes;
    this.#sent = this.#sent.filter(({ to }) => to > offsetBytes);
    return undefined;
  }
}

function mayLeadTo({ from, to, isWhole }: SentPiece, offsetBytes: number): boolean {
  return isWhole ? offsetBytes === to : from < offsetBytes && offsetBytes <= to;
}
