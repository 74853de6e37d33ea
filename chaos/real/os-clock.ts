/** The wall clock of a node in a world of the system: a file says how far it is off, which `libfaketime` reads now and then. */
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { FaultOf } from "#chaos/fault.ts";
import { happened, lasting } from "#chaos/injection.ts";
import { type Injection, passed, type World } from "#chaos/world.ts";
import { second } from "#runtime/units.ts";

/** How often a process looks at what time it is to be, s. */
const LOOK_S = 1;
/** A node may be down when its clock jumps: so often it is looked at what time it is for a cell. */
const LOOKS_MAX = 15;
/** By so much what an answer says may be off: it has whole seconds, and was on its way. */
const OFF_MS_MAX: number = 4 * second;

const LIBRARIES = ["x86_64-linux-gnu", "aarch64-linux-gnu"].map((arch) => `/usr/lib/${arch}/faketime/libfaketime.so.1`);

export class OsClock {
  readonly #path: string;
  /** By so much the wall clock is off. */
  #offMs = 0;

  /** `directory` is for what says so. */
  constructor(directory: string) {
    this.#path = join(directory, "clock");
    this.#set(0);
  }

  /** Of a process that lives by it. */
  get env(): Readonly<Record<string, string>> {
    return {
      LD_PRELOAD: LIBRARIES.find(existsSync) ?? "",
      DONT_FAKE_MONOTONIC: "1",
      FAKETIME_TIMESTAMP_FILE: this.#path,
      FAKETIME_CACHE_DURATION: `${LOOK_S}`,
    };
  }

  async jump({ byMs }: FaultOf<"clock-jump">, world: Pick<World, "clock" | "request">): Promise<Injection> {
    this.#set(byMs);
    return happened((await this.#isKept(world)) ? 1 : 0);
  }

  /** In steps: a clock that runs at another pace would have run at it since the process began. */
  drift({ gainMs }: FaultOf<"clock-drift">, world: Pick<World, "clock" | "request">): Injection {
    let gainedMs = 0;
    let isKept = false;
    const stepping = setInterval(() => {
      this.#set(gainMs);
      gainedMs += Math.abs(gainMs);
    }, second);
    return lasting(
      async () => {
        clearInterval(stepping);
        isKept = await this.#isKept(world);
      },
      () => (isKept ? gainedMs : 0),
    );
  }

  /** Whether the cell that answers clients has the time by which it is to live: it says so with each answer. */
  async #isKept(world: Pick<World, "clock" | "request">): Promise<boolean> {
    for (let look = 0; look < LOOKS_MAX; look += 1) {
      await passed(world, LOOK_S * second);
      const answer = await world.request({ target: "/healthz" });
      const saidMs = Date.parse(answer?.headers["date"] ?? "");
      if (Math.abs(saidMs - world.clock.wallMs() - this.#offMs) < OFF_MS_MAX) return true;
    }
    return false;
  }

  /** From now on it is off by so much more. */
  #set(byMs: number): void {
    this.#offMs += byMs;
    const offS = (Math.abs(this.#offMs) / second).toFixed(3);
    writeFileSync(this.#path, `${this.#offMs < 0 ? "-" : "+"}${offS}\n`);
  }
}
