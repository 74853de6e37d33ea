/** Bugs of uploads in pieces that are planted on purpose: in how they are kept, and in what is said of them. */
import type { PlantedBug } from "#chaos/plants.ts";
import { type AnyResult, type Proceed, type Request, wired, withRef } from "#chaos/simulated/rewired.ts";
import type { LoadedCatalogue } from "#supervisor/simulated/loaded-catalogue.ts";

/** One upload of so many becomes another object. */
const ONE_IN = 5;

export const PIECE_BUGS: readonly PlantedBug[] = [
  {
    name: "piece-before-sync",
    says: "a piece is said to be there before it is durable",
    scenario: "power-fails",
    seenBy: "nothing-acknowledged-is-lost",
    patch: {
      file: "actors/storage/staging/append-upload.ts",
      from: "const synced = await disk.sync(descriptor);",
      to: "const synced = ok();",
    },
  },
  {
    name: "uploads-in-memory",
    says: "what uploads in pieces there are is known in memory alone, and forgotten by a restart",
    scenario: "storage-crashes-while-putting",
    seenBy: "nothing-acknowledged-is-lost",
    patch: {
      file: "actors/storage/staging/upload-log.ts",
      from: "const appended = await this.#journal.append(encodeChange(change));",
      to: "this.#journal.state.apply(encodeChange(change)); const appended = ok();",
    },
  },
  {
    name: "offset-unrecorded",
    says: "how far an upload is goes to the disk only when it is stored, so that a restart takes it back",
    scenario: "storage-crashes-while-putting",
    seenBy: "nothing-acknowledged-is-lost",
    patch: {
      file: "actors/storage/staging/upload-log.ts",
      from: "const appended = await this.#journal.append(encodeChange(change));",
      to: 'const isStep = "offsetBytes" in change && !("note" in change); if (isStep) this.#journal.state.apply(encodeChange(change)); const appended = isStep ? ok() : await this.#journal.append(encodeChange(change));',
    },
  },
  {
    name: "cancelled-comes-back",
    says: "that an upload was cancelled is known in memory alone, and a restart brings it back",
    scenario: "storage-crashes-while-putting",
    seenBy: "nothing-acknowledged-is-lost",
    patch: {
      file: "actors/storage/staging/upload-log.ts",
      from: "const recorded = await this.#deps.relief.relieve(() => this.#journal.append(record));",
      to: "this.#journal.state.apply(record); const recorded = ok();",
    },
  },
  {
    name: "upload-stays-busy",
    says: "an upload to which a piece came that broke off takes no other one in that life",
    scenario: "links-are-cut",
    seenBy: "nothing-acknowledged-is-lost",
    patch: {
      file: "actors/storage/staging/staging.ts",
      from: "this.#adding.delete(upload);",
      to: "if (outcome.ok) this.#adding.delete(upload);",
    },
  },
  {
    name: "offset-of-all-sent",
    says: "an upload is said to be where it would be if every piece had come whole",
    scenario: "network-is-bad",
    seenBy: "bytes-are-right",
    into: (catalogue) => {
      const expected = new Map<unknown, number>();
      return told(catalogue, async (name, request, proceed) => {
        const { upload, offsetBytes, lengthBytes } = request;
        if (name === "appendUpload") expected.set(upload, Number(offsetBytes) + Number(lengthBytes ?? 0));
        const answer = await proceed(name, request);
        if (name !== "statUpload" || !answer.ok) return answer;
        const facts = answer.value as { readonly offsetBytes: number };
        const offset = Math.max(facts.offsetBytes, expected.get(upload) ?? 0);
        return { ...answer, value: { ...facts, offsetBytes: offset } };
      });
    },
  },
  {
    name: "pieces-of-another",
    says: "now and then an upload is said to have become the object of the one before",
    scenario: "storage-crashes-while-putting",
    seenBy: "bytes-are-right",
    into: (catalogue) => {
      let count = 0;
      let last: unknown;
      return told(catalogue, async (name, request, proceed) => {
        const answer = await proceed(name, request);
        const facts = answer.value as { readonly stored?: object } | undefined;
        if (name !== "statUpload" || facts?.stored === undefined) return answer;
        count += 1;
        const stored = count % ONE_IN === 0 ? last : facts.stored;
        last = facts.stored;
        return { ...answer, value: { ...facts, stored } };
      });
    },
  },
  {
    name: "piece-unproven",
    says: "nobody compares a piece with the checksum that it came with",
    scenario: "storage-crashes-while-putting",
    seenBy: "bytes-are-right",
    patch: {
      file: "actors/gateway/tus.ts",
      from: "const isWhole = expected.length > 0;",
      to: "const isWhole = false;",
    },
  },
];

/** The gateway is told something else of uploads than overlay says. */
function told(
  catalogue: LoadedCatalogue,
  answer: (name: string, request: Request, proceed: Proceed) => Promise<AnyResult>,
): LoadedCatalogue {
  return wired(catalogue, "gateway", (wiring) => withRef(wiring, "overlay", answer));
}
