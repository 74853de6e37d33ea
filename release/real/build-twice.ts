/**
 * Builds a commit twice, in surroundings that differ in all that should not matter: folder, its depth, umask, modes of files,
 * time zone, and the Node that npm runs on. The same bytes, or what differs.
 */
import { join } from "node:path";
import { type Artefacts, build, type Surroundings, type Unbuilt } from "#release/real/build.ts";
import { versionOf } from "#release/real/programs.ts";
import { Workspace } from "#release/real/workspace.ts";
import { differenceOf } from "#release/tarball.ts";
import { type Gate, judged, notChecked } from "#release/verdict.ts";
import { ok, type Result } from "#runtime/errors.ts";

export interface BuiltTwice {
  /** Of the first build. */
  readonly artefacts: Artefacts;
  readonly gate: Gate;
}

const GATE = "reproducible";

/** `node` is another Node than this one; undefined where there is none. `onStep` is told what is done. */
export async function buildTwice(
  root: string,
  commit: string,
  node: string | undefined,
  onStep?: (step: string) => void,
): Promise<Result<BuiltTwice, Unbuilt>> {
  using workspace = new Workspace();
  const buildNext = async (surroundings: Surroundings): Promise<Result<Artefacts, Unbuilt>> => {
    const built = await build(root, commit, surroundings);
    onStep?.(`built with ${surroundings.node === process.execPath ? "this Node" : surroundings.node}`);
    return built;
  };
  const [one, other] = await Promise.all([
    buildNext({
      folder: join(workspace.directory, "one"),
      umask: "022",
      node: process.execPath,
      timeZone: "UTC",
      isNarrow: false,
    }),
    buildNext({
      folder: join(workspace.directory, "the other one", "deeper"),
      umask: "077",
      node: node ?? process.execPath,
      timeZone: "Pacific/Kiritimati",
      isNarrow: true,
    }),
  ]);
  if (!one.ok) return one;
  if (!other.ok) return other;
  return ok({ artefacts: one.value, gate: await compare(one.value, other.value, node) });
}

async function compare(one: Artefacts, other: Artefacts, node: string | undefined): Promise<Gate> {
  const names = new Set([...one.files.keys(), ...other.files.keys()]);
  const problems = [...names].flatMap((name) => {
    const [left, right] = [one.files.get(name), other.files.get(name)];
    if (left === undefined || right === undefined) return [`only one of two builds made ${name}`];
    return Buffer.compare(left, right) === 0
      ? []
      : [`two builds of ${name} are not the same: ${differenceOf(left, right)}`];
  });
  const way = `two folders, umasks, modes and time zones, and Node ${process.versions.node}`;
  if (problems.length === 0 && node === undefined) {
    return notChecked(GATE, `the same bytes from ${way} alone: put another Node into PATH, or name it by --other-node`);
  }
  const second = node === undefined ? "no other" : await versionOf(node);
  return judged(GATE, problems, `${names.size} artefacts are the same bytes from ${way} and ${second}`);
}
