/**
 * What index is told of objects that are put while the feeder has a page in hand: it may be newer than the page.
 *
 * Bounded by what is put in that time, which is that of a few calls.
 */
import type { Address, Digest } from "#actors/domain/address.ts";
import type { IndexEntry } from "#actors/index/protocol.ts";

export class Told {
  #manifests: Map<Address, Digest> | undefined;

  /** A page is asked for. */
  begin(): void {
    this.#manifests = new Map();
  }

  /** There is no page in hand any more. */
  end(): void {
    this.#manifests = undefined;
  }

  /** Before index hears of it, so that whoever looks and speaks to index then comes first there. */
  note({ address, manifest }: IndexEntry): void {
    this.#manifests?.set(address, manifest);
  }

  /** Whether the entry, of the page in hand, is not what index was told last. */
  contradicts({ address, manifest }: IndexEntry): boolean {
    const told = this.#manifests?.get(address);
    return told !== undefined && told !== manifest;
  }
}
