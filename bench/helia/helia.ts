/** Helia's file-system blockstore as a peer: orders to a process of its own, and what came of them. */
import { join } from "node:path";
import { AskedChild } from "#bench/actors/asked-child.ts";
import type { LoadResult, LoadShape } from "#bench/load-shape.ts";
import { TemporaryFolder } from "#bench/temporary.ts";

export type Order =
  | { readonly kind: "import"; readonly path: string }
  | { readonly kind: "cat"; readonly cid: string; readonly isHashed: boolean }
  | ({ readonly kind: "put" } & LoadShape)
  | ({ readonly kind: "get"; readonly names: readonly string[] } & LoadShape);

export class Helia implements AsyncDisposable {
  readonly #child: AskedChild;
  readonly #folder: TemporaryFolder;

  private constructor(child: AskedChild, folder: TemporaryFolder) {
    this.#child = child;
    this.#folder = folder;
  }

  /** Why there is none; undefined where there is one. */
  static async absence(cache: string): Promise<string | undefined> {
    await using helia = Helia.#open(cache);
    const { absent } = await helia.#child.heard();
    return absent === undefined ? undefined : String(absent);
  }

  /** On an empty blockstore, which is removed in the end. */
  static async start(cache: string): Promise<Helia> {
    const helia = Helia.#open(cache);
    const { ready } = await helia.#child.heard();
    if (ready === true) return helia;
    await helia[Symbol.asyncDispose]();
    throw new Error("Helia is not there any more");
  }

  static #open(cache: string): Helia {
    const folder = new TemporaryFolder(cache, "helia-run-");
    const args = [join(import.meta.dirname, "helia-main.ts"), folder.path];
    return new Helia(new AskedChild("Helia", { file: process.execPath, args }), folder);
  }

  /** Answers with the CID of a file. */
  async import(path: string): Promise<string> {
    return String((await this.#ask({ kind: "import", path }))["cid"]);
  }

  /** The bytes stay in its process: how many, and their address in Cepa where that is asked for. */
  async cat(cid: string, isHashed: boolean): Promise<{ readonly sizeBytes: number; readonly address: unknown }> {
    const { sizeBytes, address } = await this.#ask({ kind: "cat", cid, isHashed });
    return { sizeBytes: Number(sizeBytes), address };
  }

  /** Of blocks. `names` are their CIDs. */
  async put(shape: LoadShape): Promise<LoadResult> {
    return (await this.#ask({ kind: "put", ...shape })) as unknown as LoadResult;
  }

  async get(shape: LoadShape, names: readonly string[]): Promise<LoadResult> {
    return (await this.#ask({ kind: "get", names, ...shape })) as unknown as LoadResult;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#child[Symbol.asyncDispose]();
    this.#folder[Symbol.dispose]();
  }

  #ask(order: Order): Promise<Readonly<Record<string, unknown>>> {
    return this.#child.ask(JSON.stringify(order));
  }
}
