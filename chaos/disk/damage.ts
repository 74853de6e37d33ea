/**
 * Which objects may be damaged, because bytes of them have decayed on the disk, and until when: what is damaged is told, and
 * putting it again makes it whole (STO-4). All others have to be there as ever.
 *
 * - An object is concerned by what decayed of a chunk that it has, or of its manifest. Objects share chunks.
 * - A put that is acknowledged mends it where the node knew of damage from before it was sent: it then reads what it relies
 *   on. Where nobody has read what decayed, it relies on it.
 * - What a node knows of damage is in its catalog, which may forget with the power what was last written to it. The packs tell it of
 *   the same objects again, but not of one whose record does not hold any more: that one may be unknown then, until it is put again.
 */
import type { Decay } from "#chaos/disk/decay.ts";
import type { WorkObject } from "#chaos/workload/objects.ts";
import { KiB } from "#runtime/units.ts";

/** No chunk but the last of an object is shorter, by any chunker. */
const CHUNK_BYTES_MIN: number = 16 * KiB;

/** A put under way: to be said when it is acknowledged. */
export type OnAcknowledged = () => void;

export class Damage {
  readonly #decays: Decay[] = [];
  /** By address: how many decays were looked at, and which of them was the last that concerns the object. */
  readonly #looked = new Map<string, { count: number; last: number }>();
  /** By address: so many decays from the first on are mended. */
  readonly #mended = new Map<string, number>();
  /** The node has said of them that they are damaged, and knows it yet. */
  readonly #told = new Set<string>();
  /** So many decays had come when the power went last. */
  #decaysBeforeLoss = 0;

  decayed(decays: readonly Decay[]): void {
    this.#decays.push(...decays);
  }

  /** Whether reading it may fail. */
  mayBe(object: WorkObject): boolean {
    return this.#lastConcerning(object) >= (this.#mended.get(object.address) ?? 0);
  }

  /** The node has refused it as damaged. */
  told({ address }: WorkObject): void {
    this.#told.add(address);
  }

  /** To be called when it is sent. */
  put(object: WorkObject): OnAcknowledged {
    const { address } = object;
    const known = this.#decays.length;
    const wasTold = this.#told.has(address);
    return () => {
      const isMended = wasTold && this.#told.has(address);
      if (!this.mayBe(object)) return;
      // What this put has mended is known as damage no more, to others who share it neither.
      this.#told.clear();
      if (isMended) this.#mended.set(address, known);
    };
  }

  powerLost(): void {
    this.#told.clear();
    this.#decaysBeforeLoss = this.#decays.length;
  }

  /** Whether the node may have lost with the power what would tell it that this object was there. */
  mayBeForgotten(object: WorkObject): boolean {
    const mended = this.#mended.get(object.address) ?? 0;
    return this.#decays.slice(mended, this.#decaysBeforeLoss).some((decay) => concerns(decay, object));
  }

  #lastConcerning(object: WorkObject): number {
    const looked = this.#looked.get(object.address) ?? { count: 0, last: -1 };
    this.#looked.set(object.address, looked);
    for (; looked.count < this.#decays.length; looked.count += 1) {
      const decay = this.#decays[looked.count];
      if (decay !== undefined && concerns(decay, object)) looked.last = looked.count;
    }
    return looked.last;
  }
}

function concerns({ kind, payload }: Decay, { address, bytes }: WorkObject): boolean {
  const held = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (kind === "manifest") return Buffer.from(payload).includes(Buffer.from(address.slice("b3:".length), "hex"));
  if (payload.length < CHUNK_BYTES_MIN) return held.subarray(held.length - payload.length).equals(payload);
  return held.includes(payload);
}
