/** Trees as a node sends them: verified against their address, then read as if somebody hostile had made them. */
import { startDigest } from "#cli/digest.ts";
import { type Outcome, reasonOf } from "#cli/failure.ts";
import { ANSWER_TIMEOUT_MS, getStream } from "#cli/http.ts";
import { compareNames, decodeTree, TREE_BYTES_MAX, type Tree, type TreeEntry, type TreePart } from "#client/tree.ts";
import { fail, ok } from "#runtime/errors.ts";

/** A directory, a part of it at a time: as large as it may be, no more of it is in memory. */
export type Parts = AsyncIterable<Outcome<readonly TreeEntry[]>> | Iterable<Outcome<readonly TreeEntry[]>>;

/** What is in the directory at `address`; what is in parts is asked for when it is wanted. `where` names it in messages. */
export async function readDirectory(url: string, address: string, where: string): Promise<Outcome<Parts>> {
  const tree = await readTree(url, address, where);
  if (!tree.ok) return tree;
  return ok("entries" in tree.value ? [ok(tree.value.entries)] : readParts(url, tree.value.parts, where));
}

/** Together they must be what a single tree must be: in order, and of entries. Nothing follows a failure. */
async function* readParts(
  url: string,
  parts: readonly TreePart[],
  where: string,
): AsyncGenerator<Outcome<readonly TreeEntry[]>> {
  let before: TreeEntry | undefined;
  for (const part of parts) {
    const tree = await readTree(url, part.address, where);
    if (!tree.ok) return yield tree;
    if (!("entries" in tree.value)) return yield refused(where, "a part is in parts");
    const { entries } = tree.value;
    const [first] = entries;
    if (first?.name !== part.first || (before !== undefined && compareNames(before.name, first.name) >= 0)) {
      return yield refused(where, "out-of-order");
    }
    yield ok(entries);
    before = entries.at(-1);
  }
}

async function readTree(url: string, address: string, where: string): Promise<Outcome<Tree>> {
  const bytes = await readSmall(url, address, where);
  if (!bytes.ok) return bytes;
  const tree = decodeTree(bytes.value);
  return typeof tree === "string" ? refused(where, tree) : ok(tree);
}

async function readSmall(url: string, address: string, where: string): Promise<Outcome<Uint8Array>> {
  const response = await getStream(`${url}/o/${address}`, ANSWER_TIMEOUT_MS);
  if (!response.ok) return response;
  const digest = startDigest();
  const pieces: Uint8Array[] = [];
  let sizeBytes = 0;
  try {
    for await (const piece of response.value) {
      sizeBytes += piece.length;
      if (sizeBytes > TREE_BYTES_MAX) return refused(where, "too-large");
      digest.update(piece);
      pieces.push(piece);
    }
  } catch (error) {
    return fail({ code: "cli.cut-short", message: `the connection broke within a tree: ${reasonOf(error)}` });
  } finally {
    response.value.destroy();
  }
  if (digest.address() === address) return ok(Buffer.concat(pieces));
  return fail({ code: "cli.bytes-differ", message: `what came is ${digest.address()}, not ${address}` });
}

function refused(where: string, problem: string): Outcome<never> {
  return fail({ code: "cli.tree-refused", message: `${where} is no tree that is taken here: ${problem}` });
}
