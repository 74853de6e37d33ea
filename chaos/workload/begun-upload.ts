/** What a client knows of one upload that it has begun in pieces. */
import { UploadModel } from "#chaos/checkers/upload-model.ts";
import type { OnAcknowledged } from "#chaos/disk/damage.ts";
import type { WorkObject } from "#chaos/workload/objects.ts";

/** How it came to an end. */
export type UploadEnd = "stored" | "cancelled" | "lost";

export class BegunUpload {
  readonly object: WorkObject;
  /** What the node is to give back, as it is. */
  readonly note: string;
  /** To be called when the object is acknowledged. */
  readonly onAcknowledged: OnAcknowledged;
  readonly model: UploadModel = new UploadModel();
  /** Its path, once that was told. */
  target: string = "";
  /** Undefined while that has to be asked for. */
  offsetBytes: number | undefined;
  /** Whether the node has been told how long it is. */
  isLengthKnown: boolean;
  /** Something of it was given up, or refused: that may go on, or arrive, later. */
  hasLoose: boolean = false;
  /** It is to be cancelled, and may have been. */
  isLeaving: boolean = false;
  end: UploadEnd | undefined;

  constructor(object: WorkObject, note: string, isLengthKnown: boolean, onAcknowledged: OnAcknowledged) {
    this.object = object;
    this.note = note;
    this.isLengthKnown = isLengthKnown;
    this.onAcknowledged = onAcknowledged;
  }

  /** There is nothing to send any more: it becomes an object by itself. */
  get isComplete(): boolean {
    return this.isLengthKnown && this.offsetBytes === this.object.bytes.length;
  }

  /** Where it is has to be asked for, and may change by itself. */
  becomesUnknown(): void {
    this.offsetBytes = undefined;
    this.hasLoose = true;
  }
}
