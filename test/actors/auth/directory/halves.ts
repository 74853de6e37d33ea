/**
 * A directory in a Postgres beside one in memory that the same is done to. The ids of their producers are their own: a producer
 * is told to both by its place, and what they answer is compared with places instead of ids.
 */
import { inspect } from "node:util";
import type { Directory, Fingerprint, ProducerId } from "#actors/auth/directory/directory.ts";
import { must } from "#runtime/errors.ts";
import { Scene, within } from "#test/actors/auth/directory/scene.ts";

const UUID = /[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}/g;
/** Of a producer that there is not. */
const NOBODY = "00000000-0000-4000-8000-000000000000";

export class Half {
  readonly scene: Scene;
  readonly #ids: ProducerId[] = [];
  readonly #jtis: string[] = [];

  constructor(directory: Directory) {
    this.scene = new Scene(directory);
  }

  /** The id of the producer that was the first, second … one to come. */
  producer(place: number): ProducerId {
    return this.#ids[place] ?? NOBODY;
  }

  /** As the key says, or that of a place. */
  async ownerOf(fingerprint: Fingerprint, place: number | "its own"): Promise<ProducerId> {
    if (place !== "its own") return this.producer(place);
    return (await this.scene.keyOf(fingerprint))?.producerId ?? NOBODY;
  }

  /** One that was given, or one that was not. */
  token(place: number): string {
    return this.#jtis[place % (this.#jtis.length + 1)] ?? "no token";
  }

  noteToken(jti: string): void {
    this.#jtis.push(jti);
  }

  /** In words, with the places of producers. One that was not heard of before has the next place. */
  tell(answer: unknown): string {
    return inspect(answer, { depth: 9, breakLength: 120, sorted: true, maxArrayLength: null }).replaceAll(
      UUID,
      (id) => {
        if (id !== NOBODY && !this.#ids.includes(id)) this.#ids.push(id);
        return `producer ${this.#ids.indexOf(id)}`;
      },
    );
  }

  /** All that can be seen of it, and of those tokens. */
  async whole(jtis: readonly string[] = this.#jtis): Promise<string> {
    const { directory } = this.scene;
    return this.tell({
      keys: must(await directory.list("all", 1000, undefined, within), "list").toReversed(),
      tokens: await this.scene.tokens(...jtis),
      changes: await directory.changesSince(0, within),
    });
  }
}
