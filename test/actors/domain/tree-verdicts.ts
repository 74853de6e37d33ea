/** What the node and the client, which share no code, make of the bytes of a tree. */
import { decodeTree as decodeInNode } from "#actors/domain/tree.ts";
import { decodeTree, type Tree } from "#client/tree.ts";

/** What each of the two says: the problem, or the names that the tree refers to something by. */
export function verdicts(bytes: Uint8Array): { readonly node: unknown; readonly client: unknown } {
  const node = decodeInNode(bytes);
  const client = decodeTree(bytes);
  return {
    node: node.ok
      ? node.value.map(({ name, object, manifest, sizeBytes }) => [name, object, manifest, sizeBytes])
      : node.failure.problem,
    client: typeof client === "string" ? client : referencesOf(client),
  };
}

function referencesOf(tree: Tree): unknown {
  if ("parts" in tree)
    return tree.parts.map(({ first, ...stored }) => [first, stored.address.slice(3), stored.manifest, stored.size]);
  return tree.entries.flatMap((entry) =>
    entry.kind === "symlink" ? [] : [[entry.name, entry.address.slice(3), entry.manifest, entry.size]],
  );
}
