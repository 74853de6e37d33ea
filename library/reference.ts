/** The pages of `docs/api`, one an entry, written from the doc comments of the library. It changes no file. */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { entriesOf, readManifest } from "#library/checkout.ts";
import { compile } from "#library/compile.ts";
import { type Api, type Declaration, readApi } from "#library/declarations.ts";
import { LibraryProblem, readSources, type Sources } from "#library/sources.ts";
import { Staging } from "#library/staging.ts";

/** Page by its path from the root. Throws a `LibraryProblem` where a name has no doc comment. */
export function writeReference(root: string, sources: Sources = readLibrary(root)): ReadonlyMap<string, string> {
  const manifest = readManifest(root);
  using staging = new Staging(root);
  compile({ root, sources, out: staging.directory, emit: "declarations" });
  const pages = Object.entries(manifest.exports).map(([entry, source]): [string, string] => {
    const name = entry.replace("./", "");
    const api = readApi(staging.directory, source.replace(/^\.\/(.*)\.ts$/, "$1.d.ts"));
    return [`docs/api/${name}.md`, pageOf(`${manifest.name}/${name}`, formatted(root, api))];
  });
  return new Map(pages);
}

/** The sources of the library as they are in the repository. */
export function readLibrary(root: string): Sources {
  return readSources(root, entriesOf(readManifest(root)));
}

function pageOf(title: string, { text, declarations }: Api): string {
  const anchors = anchorsOf(declarations);
  const modules = Map.groupBy(declarations, ({ module }) => module);
  const contents = [...modules].map(([module, members]) => {
    const links = members.map((member) => `[${member.name}](#${anchors.get(member)})`);
    return `- \`${module}\`: ${links.join(", ")}`;
  });
  const sections = declarations.map(
    ({ name, text: about, code }) => `## ${name}\n\n${about}\n\n\`\`\`ts\n${code}\n\`\`\``,
  );
  const origin = "Written by `node library/document.ts` from the doc comments of the sources.";
  return `${[`# ${title}`, text, origin, contents.join("\n"), ...sections].join("\n\n")}\n`;
}

/** As pages are rendered: headings that differ in case alone are numbered. */
function anchorsOf(declarations: readonly Declaration[]): ReadonlyMap<Declaration, string> {
  const anchors = new Map<Declaration, string>();
  const counts = new Map<string, number>();
  for (const declaration of declarations) {
    const anchor = declaration.name.toLowerCase();
    const count = counts.get(anchor) ?? 0;
    counts.set(anchor, count + 1);
    anchors.set(declaration, count === 0 ? anchor : `${anchor}-${count}`);
  }
  return anchors;
}

/** The declarations in the shape that the sources have. The compiler writes each signature on one line. */
function formatted(root: string, api: Api): Api {
  const input = api.declarations.map(({ code }) => `${MARK}\ndeclare ${code}\n`).join("\n");
  const formatter = join(root, "node_modules", "@biomejs", "biome", "bin", "biome");
  const { status, stdout, stderr } = spawnSync(process.execPath, [formatter, "format", "--stdin-file-path=api.d.ts"], {
    cwd: root,
    input,
    encoding: "utf8",
  });
  if (status !== 0) throw new LibraryProblem(`the formatter refuses the declarations: ${stderr}`);
  const [, ...codes] = stdout.split(`${MARK}\n`);
  const code = (index: number): string => (codes[index] ?? "").replaceAll(/^declare /gm, "").trim();
  const declarations = api.declarations.map((one, index): Declaration => ({ ...one, code: code(index) }));
  return { ...api, declarations };
}

/** Between two declarations on their way through the formatter. */
const MARK = "// next declaration";
