/**
 * Where a release comes from, as a statement of in-toto (version 1) about its files: of which commit, by which command and
 * tools, from which packages (provenance of SLSA, version 1).
 *
 * It says what its signer says. There is no time in it and no number of a run, so that the same commit, made again with the same
 * tools, has the same statement.
 */
import { type Lockfile, sha512Of } from "#release/lockfile.ts";
import { isRecord, malformed, type ReleaseMalformed, readObject } from "#release/malformed.ts";
import { purlOf } from "#release/sbom.ts";
import { ok, type Result } from "#runtime/errors.ts";

const STATEMENT = "https://in-toto.io/Statement/v1";
const PREDICATE = "https://slsa.dev/provenance/v1";
/** What `cepa release make` does; docs/operations/releases.md describes it. */
const BUILD_TYPE = "urn:cepa:release:1";

export interface Origin {
  readonly version: string;
  /** 40 hex digits. */
  readonly commit: string;
  readonly command: readonly string[];
  /** Versions by name. */
  readonly tools: Readonly<Record<string, string>>;
  /** Of the file, in hex. */
  readonly lockfileSha256: string;
  readonly lockfile: Lockfile;
  /** Who says so: of the key. */
  readonly fingerprint: string;
}

/** What can be checked of a statement. */
export interface Provenance {
  /** SHA-256 in hex, by name of the file. */
  readonly subjects: ReadonlyMap<string, string>;
  readonly version: string;
  readonly commit: string;
  /** Digests by the names of what went in: packages, and `package-lock.json`. */
  readonly materials: ReadonlyMap<string, string>;
}

export function writeProvenance(subjects: ReadonlyMap<string, string>, origin: Origin): string {
  const { version, commit, command, tools, fingerprint } = origin;
  const statement = {
    _type: STATEMENT,
    subject: [...subjects].map(([name, sha256]) => ({ name, digest: { sha256 } })),
    predicateType: PREDICATE,
    predicate: {
      buildDefinition: {
        buildType: BUILD_TYPE,
        externalParameters: { version, commit, command },
        internalParameters: { tools },
        resolvedDependencies: [
          { name: "source", digest: { gitCommit: commit } },
          ...[...materialsOf(origin)].map(([name, digest]) =>
            name.startsWith("pkg:") ? { uri: name, digest: { sha512: digest } } : { name, digest: { sha256: digest } },
          ),
        ],
      },
      runDetails: { builder: { id: `urn:cepa:key:${fingerprint}` } },
    },
  };
  return JSON.stringify(statement);
}

/** The same names and digests that a statement must have. */
export function materialsOf({
  lockfile,
  lockfileSha256,
}: Pick<Origin, "lockfile" | "lockfileSha256">): ReadonlyMap<string, string> {
  const packages = lockfile.packages.map((locked) => [purlOf(locked), sha512Of(locked) ?? ""] as const);
  return new Map([["package-lock.json", lockfileSha256], ...packages.sort(([one], [other]) => (one < other ? -1 : 1))]);
}

export function readProvenance(text: string): Result<Provenance, ReleaseMalformed> {
  const statement = readObject(text);
  if (statement === undefined) return malformed("statement", "it is no JSON object");
  if (statement["_type"] !== STATEMENT) return malformed("statement", `it is no ${STATEMENT}`);
  if (statement["predicateType"] !== PREDICATE) return malformed("statement", `it is no ${PREDICATE}`);
  const subjects = digestsIn(statement["subject"]);
  const definition = objectAt(statement, "predicate", "buildDefinition");
  const { version, commit } = objectAt(definition, "externalParameters");
  const materials = digestsIn(definition["resolvedDependencies"]);
  if (definition["buildType"] !== BUILD_TYPE) return malformed("statement", `its build is no ${BUILD_TYPE}`);
  if (subjects === undefined || materials === undefined || subjects.size === 0) {
    return malformed("statement", "it says nothing of the files or of what went into them");
  }
  if (typeof version !== "string" || typeof commit !== "string" || !/^[0-9a-f]{40}$/.test(commit)) {
    return malformed("statement", "it names no version or no commit");
  }
  if (materials.get("source") !== commit) return malformed("statement", "it names two commits");
  return ok({ subjects, version, commit, materials });
}

/** By name or address; undefined where one has no digest, or comes twice. */
function digestsIn(list: unknown): ReadonlyMap<string, string> | undefined {
  if (!Array.isArray(list)) return undefined;
  const digests = new Map<string, string>();
  for (const entry of list) {
    const { name, uri, digest } = isRecord(entry) ? entry : {};
    const key = typeof name === "string" ? name : uri;
    const [value] = isRecord(digest) ? Object.values(digest) : [];
    if (typeof key !== "string" || typeof value !== "string" || digests.has(key)) return undefined;
    digests.set(key, value);
  }
  return digests;
}

function objectAt(
  from: Readonly<Record<string, unknown>>,
  ...path: readonly string[]
): Readonly<Record<string, unknown>> {
  return path.reduce<Readonly<Record<string, unknown>>>((value, key) => {
    const next = value[key];
    return isRecord(next) ? next : {};
  }, from);
}
