/** Pages that lead where they say, and packages that are what the pages say. */
import { posix } from "node:path";
import { linksOf, rowsOf } from "#test/house/markdown.ts";
import type { Rule } from "#test/house/rule.ts";
import type { FileMap } from "#test/house/tree.ts";

function brokenLinks(files: FileMap): readonly string[] {
  const folders = new Set([...files.keys()].flatMap(foldersOf));
  return [...files]
    .filter(([path]) => path.endsWith(".md"))
    .flatMap(([path, page]) =>
      linksOf(page)
        .filter((target) => !/^([a-z]+:|#)/.test(target))
        .map((target) => ({ target, to: posix.join(posix.dirname(path), target.replace(/#.*$/, "")) }))
        .filter(({ to }) => !files.has(to) && !folders.has(to.replace(/\/$/, "")) && to !== "LICENSE")
        .map(({ target }) => `${path} links to ${target}, which is not there`),
    );
}

function foldersOf(path: string): readonly string[] {
  const parts = path.split("/").slice(0, -1);
  return parts.map((_, index) => parts.slice(0, index + 1).join("/"));
}

interface Manifest {
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly overrides?: Readonly<Record<string, string>>;
}

function manifest(files: FileMap, path: string): Manifest {
  return JSON.parse(files.get(path) ?? "{}") as Manifest;
}

function versionsOf(files: FileMap, path: string): readonly (readonly [name: string, version: string])[] {
  const { dependencies, devDependencies, optionalDependencies, overrides } = manifest(files, path);
  return Object.entries({ ...dependencies, ...devDependencies, ...optionalDependencies, ...overrides });
}

function describedWrongly(files: FileMap): readonly string[] {
  const { overrides: _, ...wanted } = manifest(files, "package.json");
  const names = Object.values(wanted).flatMap((group) => (typeof group === "object" ? Object.keys(group) : []));
  const packages = names.filter((name) => PACKAGE_GROUPS.some((group) => wanted[group]?.[name] !== undefined));
  const rows = rowsOf(files.get(DEPENDENCIES) ?? "");
  return [
    ...packages.filter((name) => !rows.some(([row]) => row === name)).map((name) => `${DEPENDENCIES} lacks ${name}`),
    ...rows
      .filter(([row = ""]) => !packages.includes(row))
      .map(([row]) => `${DEPENDENCIES} has ${row}, which package.json does not have`),
    ...rows
      .filter((row) => row.some((cell) => cell === ""))
      .map(([row]) => `${DEPENDENCIES} says too little on ${row}`),
  ];
}

const DEPENDENCIES = "docs/dependencies.md";
const PACKAGE_GROUPS = ["dependencies", "devDependencies", "optionalDependencies"] as const;

export const pages: readonly Rule[] = [
  {
    name: "every relative link of a page leads to a file",
    check: brokenLinks,
    planted: [
      {
        what: "a link to nothing",
        files: { "docs/planted.md": "See [this](missing.md#there) and [that](../README.md).\n" },
        says: "docs/planted.md links to missing.md#there",
      },
    ],
  },
  {
    name: "every package is pinned to one version",
    check: (files) =>
      [
        "package.json",
        "bench/peers/package.json",
        "test/library/nodes/package.json",
        "test/release/schema/package.json",
      ].flatMap((path) =>
        versionsOf(files, path)
          .filter(([, version]) => !/^(npm:[\w@/-]+@)?\d+\.\d+\.\d+(-[\w.]+)?$/.test(version))
          .map(([name, version]) => `${path} wants ${name} at ${version}`),
      ),
    planted: [
      {
        what: "a range",
        files: { "package.json": '{"dependencies": {"planted": "^1.2.3"}}' },
        says: "package.json wants planted at ^1.2.3",
      },
    ],
  },
  {
    name: "lockfiles name no registry",
    check: (files) =>
      [...files]
        .filter(([path]) => path.endsWith("package-lock.json"))
        .flatMap(([path, text]) =>
          [...text.matchAll(/"resolved": "https?:[^"]*"/g)].map(([line]) => `${path}: ${line}`),
        ),
    planted: [
      {
        what: "a host",
        files: { "package-lock.json": '{"packages": {"x": {"resolved": "https://registry.example/x.tgz"}}}' },
        says: "registry.example",
      },
    ],
  },
  {
    name: "docs/dependencies.md says of every package what it is for",
    check: describedWrongly,
    planted: [
      {
        what: "a package nobody explains",
        files: { "package.json": '{"dependencies": {"planted": "1.2.3"}}' },
        says: "lacks planted",
      },
      {
        what: "an explanation of nothing",
        files: { [DEPENDENCIES]: "| package | for |\n| --- | --- |\n| `gone` | Nothing. |\n" },
        says: "has gone",
      },
    ],
  },
];
