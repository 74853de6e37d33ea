/**
 * The kernel's public API is frozen (seed 003 §2.1): six names, and an event of four variants.
 *
 * Adding to it is a major version. What `runtime/kernel.ts` re-exports may live anywhere in `runtime/`.
 */
import type { Planted, Rule } from "#test/house/rule.ts";
import { type FileMap, withoutComments } from "#test/house/tree.ts";

const KERNEL = "runtime/kernel.ts";
const NAMES = ["Bus", "Config", "HealthState", "KernelEvent", "Metrics", "waitForCtrlC"];
const VARIANTS = [
  "ConfigUpdated {version: number}",
  "Health {service: string, ok: boolean}",
  "ServiceCrashed {service: string, reason: string}",
  "Shutdown {}",
];

function exportsOf(text: string): readonly string[] {
  const code = withoutComments(text);
  const listed = [...code.matchAll(/^export\s+(?:type\s+)?\{([^}]*)\}/gm)]
    .flatMap(([, names = ""]) => names.split(","))
    .map((name) => name.trim().replace(/^type\s+/, ""))
    .map((name) => name.split(/\s+as\s+/).at(-1) ?? "")
    .filter((name) => name !== "");
  const declared = [...code.matchAll(/^export\s+(?:async\s+)?(?:type|interface|class|const|let|function)\s+(\w+)/gm)];
  const everything = [...code.matchAll(/^export\s+(\*|default)/gm)];
  return [...listed, ...[...declared, ...everything].map(([, name = ""]) => name)].sort();
}

/** `Health {service: string, ok: boolean}` for each member of the union, wherever in `runtime/` it is declared. */
function variantsOf(files: FileMap): readonly string[] {
  const unions = [...files]
    .filter(([path]) => path.startsWith("runtime/"))
    .flatMap(([, text]) => [...withoutComments(text).matchAll(/^export type KernelEvent =([\s\S]*?);\n(?=\n|$)/gm)]);
  return unions.flatMap(([, union = ""]) =>
    [...union.matchAll(/\{([^}]*)\}/g)].map(([, fields = ""]) => variantFrom(fields)),
  );
}

function variantFrom(fields: string): string {
  const pairs = fields
    .split(/[;,\n]/)
    .map((field) => field.trim().replace(/^readonly\s+/, ""))
    .filter((field) => field !== "");
  const name = pairs.find((pair) => pair.startsWith("type:"))?.match(/"(\w+)"/)?.[1] ?? "?";
  return `${name} {${pairs.filter((pair) => !pair.startsWith("type:")).join(", ")}}`;
}

function differences(what: string, actual: readonly string[], expected: readonly string[]): readonly string[] {
  return [
    ...actual.filter((name) => !expected.includes(name)).map((name) => `${what} has ${name}, which is not frozen`),
    ...expected.filter((name) => !actual.includes(name)).map((name) => `${what} lacks ${name}`),
  ];
}

export const kernel: readonly Rule[] = [
  {
    name: "the kernel exports its six names and no other",
    check: (files) => differences(KERNEL, exportsOf(files.get(KERNEL) ?? ""), NAMES),
    planted: [
      {
        what: "a seventh name",
        files: { [KERNEL]: `export { ${NAMES.join(", ")}, Extra } from "#runtime/bus.ts";\n` },
        says: "has Extra",
      },
      {
        what: "a seventh name, declared in place",
        files: { [KERNEL]: `export { ${NAMES.join(", ")} } from "#runtime/bus.ts";\nexport function extra() {}\n` },
        says: "has extra",
      },
      {
        what: "everything of a module",
        files: { [KERNEL]: `export { ${NAMES.join(", ")} } from "#runtime/bus.ts";\nexport * from "#runtime/x.ts";\n` },
        says: "has *",
      },
      {
        what: "one name less",
        files: { [KERNEL]: `export { ${NAMES.slice(1).join(", ")} } from "#runtime/bus.ts";\n` },
        says: "lacks Bus",
      },
    ],
  },
  {
    name: "KernelEvent has its four variants and no other",
    check: (files) => differences("KernelEvent", variantsOf(files), VARIANTS),
    planted: [
      event("a field more", '{ readonly type: "Shutdown"; readonly code: number }', "Shutdown {code: number}"),
      event("a variant more", '{ readonly type: "Shutdown" } | { readonly type: "Paused" }', "Paused {}"),
      event(
        "a field of another type",
        '{ readonly type: "ConfigUpdated"; readonly version: bigint }',
        "ConfigUpdated {version: bigint}",
      ),
    ],
  },
];

function event(what: string, members: string, has: string): Planted {
  return {
    what,
    files: { "runtime/planted.ts": `export type KernelEvent = ${members};\n` },
    says: `KernelEvent has ${has}`,
  };
}
