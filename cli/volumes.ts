/** `cepa volumes`: the directories that hold the packs, whether their disks are there, and how much is on each. */
import { columns, formatBytes, type Piece, paint, print, type Style } from "#cli/console.ts";
import type { Outcome } from "#cli/failure.ts";
import { findUrl, type NodeChoice } from "#cli/find-node.ts";
import { ANSWER_TIMEOUT_MS, factsIn, sendText } from "#cli/http.ts";
import { askVolumes, parseVolumes, type VolumeLine, type VolumeLines } from "#cli/volume-facts.ts";
import { fail, ok } from "#runtime/errors.ts";

export interface VolumesOptions extends NodeChoice {
  readonly json?: boolean;
  /** The id of one that is given up. */
  readonly forget?: string;
  /** Also where something is lost with it. */
  readonly lose?: boolean;
}

/** Fails where a volume is not present, unless all that was wanted was to give one up. */
export async function volumes(options: VolumesOptions): Promise<Outcome> {
  const { forget, json, lose } = options;
  const url = findUrl(options);
  if (!url.ok) return url;
  const facts = forget === undefined ? await askVolumes(url.value) : await giveUp(url.value, forget, lose === true);
  if (!facts.ok) return facts;
  if (json === true) print(JSON.stringify(facts.value.said));
  else for (const line of volumeTable(facts.value)) print(...line);
  if (forget !== undefined) return ok();

  const amiss = facts.value.volumes.filter(({ state }) => state !== "present");
  if (amiss.length === 0) return ok();
  const which = amiss.map(({ directory, state }) => `${directory} is ${state}`).join(", ");
  const message = `${amiss.length} of ${facts.value.volumes.length} volumes: ${which}`;
  return fail({ code: "cli.volume-not-present", message });
}

async function giveUp(url: string, volume: string, mayLose: boolean): Promise<Outcome<VolumeLines>> {
  const query = new URLSearchParams({ forget: volume, ...(mayLose ? { lose: "yes" } : {}) });
  return parseVolumes(
    factsIn(await sendText(`${url}/volumes?${query}`, { method: "POST" }, ANSWER_TIMEOUT_MS), 200, "volumes"),
  );
}

/** A line a volume, what is wrong with it below, and what is written to all of them. */
function volumeTable({
  volumes: all,
  profile,
}: Pick<VolumeLines, "volumes" | "profile">): readonly (readonly Piece[])[] {
  if (all.length === 0) {
    return [
      ["no volumes: the packs are in the data directory, or in a bucket"],
      [
        "storage.volumes names directories, each on a disk of its own, and counts from the next start on (docs/operations/running.md)",
      ],
    ];
  }
  const lines = columns(all.map(volumeRow)).flatMap((line, index) => {
    const problem = all[index]?.problem ?? "";
    return problem === "" ? [line] : [line, [`  ${problem}`]];
  });
  return [...lines, [`profile ${profile}`], ...sharing(all).map((line) => [line])];
}

/** Volumes that are no domains of their own: redundancy between them is worth little. */
function sharing(all: readonly VolumeLine[]): readonly string[] {
  const named = all.filter(({ fileSystem }) => fileSystem !== "");
  const groups = Map.groupBy(named, ({ fileSystem }) => fileSystem);
  return [...groups.values()]
    .filter((group) => group.length > 1)
    .map((group) => {
      const which = group.map(({ directory }) => directory).join(", ");
      return `${which}: on one file system, which fills up and fails as one; give each a disk of its own`;
    });
}

function volumeRow({ directory, id, state, packBytes, freeBytes, totalBytes }: VolumeLine): readonly Piece[] {
  const when = state === "absent" ? " when last seen" : "";
  return [
    directory === "" ? "-" : directory,
    id === "" ? "no id yet" : id,
    paint(styleOf(state), state),
    `${formatBytes(packBytes)} used`,
    totalBytes === 0 ? "" : `${formatBytes(freeBytes)} of ${formatBytes(totalBytes)} free${when}`,
  ];
}

function styleOf(state: string): Style {
  if (state === "present") return "green";
  return state === "full" ? "yellow" : "red";
}
