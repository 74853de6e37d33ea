/** What `cepa up` may be told, and the defaults. Pure: arguments and environment in, options or one sentence out. */
import { isIPv4, isIPv6 } from "node:net";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { type Failure, fail, ok, type Result } from "#runtime/errors.ts";
import { PROFILES, type Profile } from "#supervisor/placement.ts";

export interface RootOptions {
  /** Absolute. Where everything of the node is. */
  readonly dataDirectory: string;
  /** Absolute: what the user calls the node by, and where `cepa.toml` is. In amnesia mode nothing else is there. */
  readonly namedDirectory: string;
  /** Asked for here; the configuration may ask too, which `moveToMemory` sees to. */
  readonly amnesia: boolean;
  readonly http: { readonly host: string; readonly port: number };
  readonly profile: Profile;
  /** Absolute; undefined: `cepa.toml` in the named directory, if there is one. */
  readonly configFile: string | undefined;
  readonly json: boolean;
  readonly insecurePublic: boolean;
}

/** Whether stdout is for a program, also where the arguments cannot be understood. */
export function wantsJson(args: readonly string[]): boolean {
  return args.includes("--json");
}

/** The arguments cannot be understood, or are refused. `message` is one line for the user. */
export interface BadUsage extends Failure<"supervisor.bad-usage"> {
  readonly message: string;
}

export const USAGE: string = `usage: cepa up [options]

Starts a node in the foreground. SIGINT, SIGTERM and \`cepa down\` end it in good order; a second signal ends it at once.

  --data DIR          where the node keeps its data (CEPA_DATA, else the user's data directory)
  --http HOST:PORT    where it listens (127.0.0.1:7700); port 0 picks a free one
  --profile NAME      ${PROFILES.join(", ")}: which cells there are and where they live (tree)
  --config FILE       configuration (cepa.toml in the data directory, if there is one)
  --amnesia           keep everything in memory: when the node ends, all of it is gone
  --json              one JSON object a line on stdout
  --insecure-public   allow an address that others can reach, without any authentication
  -h, --help          print this

Examples:
  $ cepa up
  $ cepa up --data /srv/cepa --http 127.0.0.1:0 --json`;

export const HTTP_DEFAULT = "127.0.0.1:7700";

type Environment = Readonly<Record<string, string | undefined>>;

export function parseOptions(args: readonly string[], env: Environment): Result<RootOptions | "help", BadUsage> {
  const parsed = parse(args);
  if (!parsed.ok) return parsed;
  const values = parsed.value;
  if (values.help) return ok("help");
  // A variable of a script that was never set: what it stood for is not the working directory.
  for (const name of ["data", "config"] as const) {
    if (values[name] === "") return refuse(`--${name} is empty`);
  }

  const dataDirectory = values.data ?? nonEmpty(env["CEPA_DATA"]) ?? userDirectory(env);
  if (dataDirectory === undefined) return refuse("no data directory", "give --data DIR, or set HOME");
  const profile = PROFILES.find((name) => name === (values.profile ?? "tree"));
  if (profile === undefined) return refuse(`--profile is one of ${PROFILES.join(", ")}, not ${values.profile}`);
  const http = parseAddress(values.http ?? HTTP_DEFAULT);
  if (http === undefined) return refuse(`--http is HOST:PORT, such as ${HTTP_DEFAULT}, not ${values.http}`);
  if (!isLoopback(http.host) && !values["insecure-public"]) {
    return refuse(
      `${http.host} can be reached by others, who could do anything with this node`,
      "listen on 127.0.0.1, or say --insecure-public",
    );
  }
  return ok({
    dataDirectory: resolve(dataDirectory),
    namedDirectory: resolve(dataDirectory),
    amnesia: values.amnesia ?? false,
    http,
    profile,
    configFile: values.config === undefined ? undefined : resolve(values.config),
    json: values.json ?? false,
    insecurePublic: values["insecure-public"] ?? false,
  });
}

/** `127.0.0.1:7700`, `[::1]:7700`, `localhost:0`. */
export function parseAddress(text: string): { readonly host: string; readonly port: number } | undefined {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^[\]:\s]+)):(\d{1,5})$/.exec(text);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  if (host === undefined || port > 65_535) return undefined;
  if (match?.[1] !== undefined && !isIPv6(host)) return undefined;
  return { host, port };
}

/** Only an address of this machine that no other can reach. A name other than `localhost` may mean anything. */
export function isLoopback(host: string): boolean {
  if (isIPv4(host)) return host.startsWith("127.");
  return host === "localhost" || host === "::1";
}

/** `http://HOST:PORT`, with brackets where an address needs them. */
export function httpUrl({ host, port }: { readonly host: string; readonly port: number }): string {
  return isIPv6(host) ? `http://[${host}]:${port}` : `http://${host}:${port}`;
}

function parse(args: readonly string[]) {
  const text = { type: "string" } as const;
  const flag = { type: "boolean" } as const;
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        data: text,
        http: text,
        profile: text,
        config: text,
        amnesia: flag,
        json: flag,
        "insecure-public": flag,
        help: { ...flag, short: "h" },
      },
    });
    return ok(values);
  } catch (error) {
    // What it says after that is of arguments without a name, and there are none.
    const [said = ""] = String(error instanceof Error ? error.message : error).split(/\.?\n|\. To specify /);
    return refuse(said);
  }
}

function userDirectory(env: Environment): string | undefined {
  const home = nonEmpty(env["HOME"]);
  const base = nonEmpty(env["XDG_DATA_HOME"]) ?? (home === undefined ? undefined : join(home, ".local", "share"));
  return base === undefined ? undefined : join(base, "cepa");
}

/** An empty variable is as good as none. */
function nonEmpty(text: string | undefined): string | undefined {
  return text === "" ? undefined : text;
}

function refuse(what: string, next = "see cepa up --help"): Result<never, BadUsage> {
  return fail({ code: "supervisor.bad-usage", message: `${what}; ${next}` });
}
