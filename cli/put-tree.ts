/**
 * `cepa put -r`: stores a directory and all that is below it, and prints the address of its tree.
 *
 * Files are stored first, then the tree of each directory, from the bottom up: a tree names what it refers to, and the
 * node keeps none that names what it does not have. A file is hashed before it is sent, and not sent if the node has it
 * and knows of no damage to it: so a put that was interrupted goes on when it is repeated, and one that is repeated later sends
 * what has changed, and heals.
 *
 * The walk goes ahead of the transfers only as far as there are slots for them: what is remembered is what a directory
 * under way has in it, not the whole tree.
 */
import { join } from "node:path";
import { note, noteFailure, print } from "#cli/console.ts";
import { startDigest } from "#cli/digest.ts";
import { type Child, listDirectory, openFile, readTarget, type SourceFile } from "#cli/directory.ts";
import type { CliFailure, NodeRefusal, Outcome } from "#cli/failure.ts";
import { findUrl, type NodeChoice } from "#cli/find-node.ts";
import { ANSWER_TIMEOUT_MS, getText, putStream, refusalIn, type Upload } from "#cli/http.ts";
import { isPartFolder } from "#cli/part-folder.ts";
import { type Progress, startProgress } from "#cli/progress.ts";
import { Slots, TRANSFERS_MAX } from "#cli/slots.ts";
import { cutEntries, encodeTree, type Stored, TREE_BYTES_MAX, TREE_DEPTH_MAX, type TreeEntry } from "#client/tree.ts";
import { type ObjectFacts, parseFacts } from "#client/wire.ts";
import { fail, ok, unreachable } from "#runtime/errors.ts";

export interface PutTreeOptions extends NodeChoice {
  readonly json?: boolean;
  /** How the node cuts files. */
  readonly chunker?: string;
}

/** Stores every directory it can, in turn; fails with the last failure. */
export async function putTrees(directories: readonly string[], options: PutTreeOptions): Promise<Outcome> {
  const url = findUrl(options);
  if (!url.ok) return url;
  let outcome: Outcome = ok();
  for (const directory of directories) {
    const progress = startProgress(directory, undefined);
    const put = new TreePut(url.value, options, progress);
    const stored = await put.run(directory);
    progress.end();
    if (!stored.ok) {
      if (directories.length === 1) return stored;
      noteFailure(stored.failure, { json: options.json, of: { directory } });
      outcome = fail({ code: stored.failure.code, message: "not every directory was stored" });
      continue;
    }
    const { address, manifest } = stored.value;
    if (options.json === true) print(JSON.stringify({ directory, address, manifest, ...put.tally }));
    else print(directories.length > 1 ? `${address}  ${directory}` : address);
    if (put.tally.leftOut > 0) {
      outcome = fail({ code: "cli.left-out", message: `${put.tally.leftOut} entries were left out: see above` });
    }
  }
  return outcome;
}

/** What is under way: a promise of a promise would be waited for to its end. */
interface UnderWay<Value> {
  readonly done: Promise<Value>;
}

class TreePut {
  /** `bytes` of all files; of `files`, `known` were not sent. */
  readonly tally = { files: 0, known: 0, directories: 0, symlinks: 0, bytes: 0, leftOut: 0 };
  readonly #url: string;
  readonly #options: PutTreeOptions;
  readonly #progress: Progress;
  readonly #slots = new Slots(TRANSFERS_MAX);
  /** The first one: after it nothing is begun. */
  #failed: Outcome<never> | undefined;

  constructor(url: string, options: PutTreeOptions, progress: Progress) {
    this.#url = url;
    this.#options = options;
    this.#progress = progress;
  }

  async run(directory: string): Promise<Outcome<Stored>> {
    const listing = await listDirectory(directory);
    if (!listing.ok) return fail({ ...listing.failure, message: `${directory}: ${listing.failure.message}` });
    const children = await this.#withoutParts(directory, listing.value.children);
    const begun = await this.#beginDirectory(directory, children, 1);
    const stored = await begun.done;
    return this.#failed ?? (stored === undefined ? fail({ code: "cli.left-out", message: directory }) : ok(stored));
  }

  /** Without what an interrupted get into the directory keeps there to go on from. */
  async #withoutParts(directory: string, children: readonly Child[]): Promise<readonly Child[]> {
    const content: Child[] = [];
    for (const child of children) {
      const path = join(directory, child.name);
      if (!(await isPartFolder(path))) content.push(child);
      else note(`not stored: ${path}: parts of what a cepa get -r has not finished`, this.#options.json);
    }
    return content;
  }

  /** Settles when all that is below has begun. */
  async #beginDirectory(
    path: string,
    children: readonly Child[],
    depth: number,
  ): Promise<UnderWay<Stored | undefined>> {
    const entries: Promise<TreeEntry | undefined>[] = [];
    for (const child of children) {
      if (this.#failed !== undefined) break;
      const begun = await this.#beginChild(join(path, child.name), child, depth);
      if (begun !== undefined) entries.push(begun.done);
    }
    return { done: this.#endDirectory(entries) };
  }

  async #beginChild(path: string, child: Child, depth: number): Promise<UnderWay<TreeEntry | undefined> | undefined> {
    const { name, kind } = child;
    switch (kind) {
      case "file": {
        await this.#slots.take();
        return { done: this.#putFile(path, name).finally(() => this.#slots.give()) };
      }
      case "symlink": {
        const target = await readTarget(path);
        if (!target.ok) return this.#leaveOut(path, target.failure.message);
        this.tally.symlinks += 1;
        return { done: Promise.resolve({ kind, name, target: target.value }) };
      }
      case "dir": {
        if (depth >= TREE_DEPTH_MAX) return this.#leaveOut(path, `is deeper than ${TREE_DEPTH_MAX} directories`);
        const listing = await listDirectory(path);
        if (!listing.ok) return this.#leaveOut(path, listing.failure.message);
        const { mode, children } = listing.value;
        const below = await this.#beginDirectory(path, children, depth + 1);
        return { done: below.done.then((stored) => stored && { kind, name, mode, ...stored }) };
      }
      case "other":
        return this.#leaveOut(path, child.why);
      default:
        return unreachable(kind);
    }
  }

  async #putFile(path: string, name: string): Promise<TreeEntry | undefined> {
    const file = await openFile(path);
    if (!file.ok) {
      this.#leaveOut(path, file.failure.message);
      return undefined;
    }
    const stored = await this.#storeFile(file.value);
    await file.value.close();
    if (!stored.ok) this.#notStored(path, stored.failure);
    if (!stored.ok) return undefined;
    this.tally.files += 1;
    return { kind: "file", name, mode: file.value.mode, ...stored.value };
  }

  async #storeFile(file: SourceFile): Promise<Outcome<Stored>> {
    const digest = startDigest();
    let sizeBytes = 0;
    const hashed = await file.read((chunk) => {
      digest.update(chunk);
      sizeBytes += chunk.byteLength;
    });
    if (!hashed.ok) return hashed;
    const address = digest.address();
    const known = await this.#factsOf(address);
    if (!known.ok) return known;
    if (known.value !== undefined) {
      this.tally.known += 1;
      this.#count(sizeBytes);
      return ok(storedOf(known.value));
    }
    const chunks = file.chunks((count) => this.#count(count));
    return await this.#send(address, { sizeBytes, chunker: this.#options.chunker, chunks });
  }

  /** Undefined when the node does not have it, or knows that it is damaged: putting it again heals it. */
  async #factsOf(address: string): Promise<Outcome<ObjectFacts | undefined>> {
    const answer = await getText(`${this.#url}/stat/${address}`, ANSWER_TIMEOUT_MS);
    if (!answer.ok) return answer;
    if (answer.value.status === 404) return ok(undefined);
    if (answer.value.status !== 200) {
      const refusal = refusalIn(answer.value);
      return refusal.code === "storage.corrupt" ? ok(undefined) : fail(refusal);
    }
    const facts = parseFacts(answer.value.body);
    return facts?.address === address ? ok(facts) : badAnswer();
  }

  /** The node compares what arrives with the address: a file that changed meanwhile is not stored. */
  async #send(address: string, upload: Upload): Promise<Outcome<Stored>> {
    const answer = await putStream(`${this.#url}/o/${address}`, upload);
    if (!answer.ok) return answer;
    const { status, body } = answer.value;
    if (status !== 200 && status !== 201) return fail(refusalIn(answer.value));
    const facts = parseFacts(body);
    return facts?.address === address ? ok(storedOf(facts)) : badAnswer();
  }

  async #endDirectory(pending: readonly Promise<TreeEntry | undefined>[]): Promise<Stored | undefined> {
    const settled = await Promise.all(pending);
    if (this.#failed !== undefined) return undefined;
    const entries = settled.filter((entry) => entry !== undefined);
    this.tally.directories += 1;
    const runs = cutEntries(entries);
    if (runs.length === 1) return await this.#putTree(encodeTree({ entries }));

    const parts = [];
    for (const run of runs) {
      const stored = await this.#putTree(encodeTree({ entries: run }));
      const [first] = run;
      if (stored === undefined || first === undefined) return undefined;
      parts.push({ first: first.name, ...stored });
    }
    return await this.#putTree(encodeTree({ parts }));
  }

  async #putTree(bytes: Uint8Array): Promise<Stored | undefined> {
    if (bytes.length > TREE_BYTES_MAX) {
      this.#fail(
        fail({ code: "cli.tree-refused", message: "a directory has more entries than a tree of parts holds" }),
      );
      return undefined;
    }
    const digest = startDigest();
    digest.update(bytes);
    await this.#slots.take();
    const sent = await this.#send(digest.address(), { sizeBytes: bytes.length, kind: "tree", chunks: once(bytes) });
    this.#slots.give();
    if (sent.ok) return sent.value;
    this.#fail(sent);
    return undefined;
  }

  /** What is wrong with a file is told, and the others are stored; what is wrong with the node ends it. */
  #notStored(path: string, { code, message }: CliFailure | NodeRefusal): void {
    if (code === "cli.file-unreadable") this.#leaveOut(path, message);
    else if (code === "storage.address-mismatch") this.#leaveOut(path, "changed while it was read");
    else this.#fail(fail({ code, message: `${path}: ${message}` }));
  }

  #leaveOut(path: string, why: string): undefined {
    this.tally.leftOut += 1;
    if (this.#options.json !== true) note(`left out: ${path}: ${why}`);
    else noteFailure({ code: "cli.left-out", message: why }, { json: true, of: { file: path } });
  }

  #fail(outcome: Outcome<never>): void {
    this.#failed ??= outcome;
  }

  #count(bytes: number): void {
    this.tally.bytes += bytes;
    this.#progress.report(this.tally.bytes);
  }
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

function storedOf({ address, manifest, size }: ObjectFacts): Stored {
  return { address, manifest: manifest.replace(/^b3:/, ""), size };
}

function badAnswer(): Outcome<never> {
  return fail({ code: "cli.bad-answer", message: "the node's answer names another object" });
}
