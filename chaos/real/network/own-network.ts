/**
 * A network of its own for a node: a line to it that can be bad (`line.py`), and a router on the way that drops what it is told
 * to (`nftables`). Clients of each group have an address of their own. It needs root, on Linux.
 *
 * Nothing of it outlives this process and the node, by whatever end: see `line.py`.
 */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface, type Interface } from "node:readline";
import { promisify } from "node:util";
import type { Fault, FaultKind, FaultOf } from "#chaos/fault.ts";
import { lasting } from "#chaos/injection.ts";
import { type Cut, directionsOf } from "#chaos/network/cut.ts";
import type { ClientGroup } from "#chaos/network/groups.ts";
import type { Ratio } from "#chaos/ratio.ts";
import type { NodePlace } from "#chaos/real/process-world.ts";
import type { Injection } from "#chaos/world.ts";
import { provide } from "#test/kit/provide.ts";

const LINE = join(import.meta.dirname, "line.py");
const ROOT = join(import.meta.dirname, "../../../supervisor/main.ts");
const RULES = `table inet chaos {
 chain passing {
  type filter hook forward priority 0; policy accept;
 }
}
`;

/** Whether a network of its own brings this fault about: packet by packet. */
export function isOfPackets(fault: Fault): fault is PacketFault {
  return OF_PACKETS.has(fault.kind);
}

const OF_PACKETS: ReadonlySet<FaultKind> = new Set([
  "bad-network",
  "partition",
  "one-way-cut",
  "narrow-network",
  "reordered-network",
]);

export type PacketFault = Cut | FaultOf<"bad-network" | "narrow-network" | "reordered-network">;

/** What is wrong with a line. */
type Trouble = Readonly<Record<string, number | Ratio>>;

/** As `line.py` says at first. */
interface Facts {
  readonly failure?: string;
  /** Processes whose networks are that of the router, and that of the node. */
  readonly router: number;
  readonly holder: number;
  readonly node: string;
  readonly device: string;
  readonly clients: Readonly<Record<ClientGroup | "operator", string>>;
}

export class OwnNetwork {
  readonly place: NodePlace;
  /** The device of the clients' end. */
  readonly device: string;
  readonly #line: ChildProcess;
  readonly #answers: AsyncIterator<string>;
  readonly #facts: Facts;
  #faults = 0;
  #asking: Promise<unknown> = Promise.resolve();

  private constructor(line: ChildProcess, answers: AsyncIterator<string>, facts: Facts) {
    this.#line = line;
    this.#answers = answers;
    this.#facts = facts;
    this.device = facts.device;
    this.place = {
      command: ["nsenter", `--net=/proc/${facts.holder}/ns/net`, process.execPath, ROOT],
      // Who reaches it is on this machine.
      args: ["--http", `${facts.node}:0`, "--insecure-public"],
      addressOf: (group) => facts.clients[group],
    };
  }

  /** Or why there is none here. Installs what it takes. */
  static async make(seed: number): Promise<OwnNetwork | string> {
    const missing = await provide({ nft: "nftables", ip: "iproute2", python3: "python3", nsenter: "util-linux" });
    if (missing !== undefined) return missing;
    const line = spawn("python3", [LINE, `${seed}`], { stdio: ["pipe", "pipe", "inherit"] });
    const ended = once(line, "close");
    const lines: Interface = createInterface({ input: line.stdout });
    const answers = lines[Symbol.asyncIterator]();
    const { value, done } = await answers.next();
    const facts = done === true ? undefined : (JSON.parse(value) as Facts);
    if (facts === undefined || facts.failure !== undefined) {
      line.kill("SIGKILL");
      await ended;
      return `there is no network of its own for a node here: ${facts?.failure ?? "python3 ended"}`;
    }
    const network = new OwnNetwork(line, answers, facts);
    try {
      await network.#nft(RULES);
    } catch (error) {
      await network.close();
      return `the packets of a network cannot be dropped here: ${error instanceof Error ? error.message : String(error)}`;
    }
    return network;
  }

  /** Of the processes that it is: of the line, whose network is the router, and of who holds that of the node. */
  get pids(): readonly number[] {
    return [this.#facts.router, this.#facts.holder];
  }

  /** The node's address. */
  get address(): string {
    return this.#facts.node;
  }

  async inject(fault: PacketFault): Promise<Injection> {
    switch (fault.kind) {
      case "partition":
      case "one-way-cut":
        return await this.#dropping((name) => this.#rulesOf(fault, name));
      case "bad-network":
        return await this.#worse(fault);
      case "narrow-network":
        return await this.#troubled({ bytesPerSecond: fault.bytesPerSecond });
      case "reordered-network":
        return await this.#troubled({ reorder: fault.reorder, holdMs: fault.delayMs });
    }
  }

  /** What is in it goes on until it ends; nothing else is left. */
  async close(): Promise<void> {
    if (this.#line.exitCode !== null || this.#line.signalCode !== null) return;
    const ended = once(this.#line, "close");
    this.#line.stdin?.end();
    await ended;
  }

  /** Loss by the router, everything else by the line. */
  async #worse({ loss, duplicate, delayMs, jitterMs }: FaultOf<"bad-network">): Promise<Injection> {
    const [lost, troubled] = await Promise.all([
      this.#dropping((name) => lossRules(loss, name)),
      this.#troubled({ duplicate, delayMs, jitterMs }),
    ]);
    return lasting(
      () => Promise.all([lost.heal(), troubled.heal()]),
      () => lost.effects() + troubled.effects(),
    );
  }

  async #troubled(trouble: Trouble): Promise<Injection> {
    const id = this.#nextFault();
    await this.#tell({ add: id, ...trouble });
    let effects = 0;
    return lasting(
      async () => {
        effects = Number((await this.#tell({ remove: id }))["effects"]);
      },
      () => effects,
    );
  }

  /** By rules that carry a name, so that they can be found again. */
  async #dropping(rulesFor: (name: string) => readonly string[]): Promise<Injection> {
    const name = `fault ${this.#nextFault()}`;
    const rules = rulesFor(name);
    if (rules.length > 0) await this.#nft(rules.map((rule) => `add rule inet chaos passing ${rule}\n`).join(""));
    let effects = 0;
    return lasting(
      async () => {
        if (rules.length === 0) return;
        const found = rulesNamed(name, await this.#nft("list table inet chaos", "-j"));
        await this.#nft(found.map(({ handle }) => `delete rule inet chaos passing handle ${handle}\n`).join(""));
        effects = found.reduce((sum, { packets }) => sum + packets, 0);
      },
      () => effects,
    );
  }

  #rulesOf(cut: Cut, name: string): readonly string[] {
    const addresses = cut.groups.map((group) => this.#facts.clients[group]).join(", ");
    return directionsOf(cut).map((direction) => {
      const end = direction === "requests" ? "saddr" : "daddr";
      return `ip ${end} { ${addresses} } counter drop comment "${name}"`;
    });
  }

  #nextFault(): number {
    this.#faults += 1;
    return this.#faults;
  }

  /** One question after the other. */
  async #tell(what: object): Promise<Readonly<Record<string, unknown>>> {
    const asking = this.#asking.then(async () => {
      this.#line.stdin?.write(`${JSON.stringify(what)}\n`);
      const { value, done } = await this.#answers.next();
      if (done === true) throw new Error("the line to the node has ended");
      return JSON.parse(value) as Readonly<Record<string, unknown>>;
    });
    this.#asking = asking.catch(() => undefined);
    return await asking;
  }

  async #nft(script: string, ...options: readonly string[]): Promise<string> {
    const router = `--net=/proc/${this.#facts.router}/ns/net`;
    const { stdout } = await promisify(execFile)("nsenter", [router, "nft", ...options, script]);
    return stdout;
  }
}

/** None is refused, and all is not less than all. */
function lossRules([count, of]: Ratio, name: string): readonly string[] {
  if (count === 0) return [];
  const some = count === of ? "" : `numgen random mod ${of} < ${count} `;
  return [`${some}counter drop comment "${name}"`];
}

interface Rule {
  readonly handle: number;
  readonly comment?: string;
  readonly expr: readonly { readonly counter?: { readonly packets: number } }[];
}

/** What a listing as JSON says of them. */
function rulesNamed(name: string, listing: string): readonly { readonly handle: number; readonly packets: number }[] {
  const { nftables } = JSON.parse(listing) as { readonly nftables: readonly { readonly rule?: Rule }[] };
  return nftables.flatMap(({ rule }) => {
    if (rule?.comment !== name) return [];
    const packets = rule.expr.reduce((sum, { counter }) => sum + (counter?.packets ?? 0), 0);
    return [{ handle: rule.handle, packets }];
  });
}

/** Why there is no such network here; undefined where there is. */
export async function ownNetworkMissing(): Promise<string | undefined> {
  const tried = await OwnNetwork.make(0);
  if (typeof tried === "string") return tried;
  await tried.close();
  return undefined;
}
