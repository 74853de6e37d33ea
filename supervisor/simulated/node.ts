/**
 * A whole node in a simulation: the root, its cells and every actor of the tree, as in the profile `single`, on the seams of
 * a life. It is entered where a real one is: by requests at its HTTP edge, without sockets, and by its admin socket.
 *
 * A node outlives its lives: `crash` and `boot` again is a machine that lost its power and came back.
 */
import type { NodeStatus } from "#runtime/actor-module.ts";
import type { DiskFailure } from "#runtime/disk/disk.ts";
import { must, ok, type Result } from "#runtime/errors.ts";
import type { SimulatedAnswer, SimulatedRequest } from "#runtime/simulated/edge.ts";
import type { Life, LifeOptions } from "#runtime/simulated/life.ts";
import type { Simulation } from "#runtime/simulated/simulation.ts";
import type { NodeSpec } from "#supervisor/child-spec.ts";
import type { Announcement } from "#supervisor/root/announcer.ts";
import { type CannotRun, cannotRun } from "#supervisor/root/cannot-run.ts";
import { parseOptions } from "#supervisor/root/options.ts";
import { type Places, placesOf } from "#supervisor/root/places.ts";
import { Root } from "#supervisor/root/root.ts";
import { type LoadedCatalogue, overheard } from "#supervisor/simulated/loaded-catalogue.ts";
import { type AdminAnswer, type AdminQuestion, askAdmin } from "#supervisor/simulated/operator.ts";
import { simulatedRootSeams } from "#supervisor/simulated/seams.ts";
import type { SimulatedServers } from "#supervisor/simulated/servers.ts";
import { tree as realTree } from "#supervisor/tree.ts";

const DATA = "/data";
const ADDRESS = "127.0.0.1:7700";

export interface SimulatedNodeOptions {
  readonly simulation: Simulation;
  readonly catalogue: LoadedCatalogue;
  readonly tree?: NodeSpec;
  /** What it runs where its configuration enables a cell that works with them. They outlive its lives. */
  readonly servers?: SimulatedServers;
  /** Contents of `cepa.toml`, written before the first boot. */
  readonly config?: string;
}

/** One boot: a process, its root, and what it announced. */
interface Run {
  readonly life: Life;
  readonly root: Root;
  readonly places: Places;
  readonly announced: Announcement[];
  /** Settles when the root has ended by itself. */
  readonly ended: Promise<CannotRun | undefined>;
}

export class SimulatedNode {
  readonly #options: SimulatedNodeOptions;
  #isConfigured = false;
  #run: Run | undefined;

  constructor(options: SimulatedNodeOptions) {
    this.#options = options;
  }

  /** The life under way, or the last one. */
  get life(): Life | undefined {
    return this.#run?.life;
  }

  /** What the node said on its standard output since it was booted. */
  get announced(): readonly Announcement[] {
    return this.#run?.announced ?? [];
  }

  get isUp(): boolean {
    return this.#run !== undefined && !this.#run.life.isOver;
  }

  /**
   * Starts the process and lets time pass until every cell has had its first start. False where the life ended before that.
   * What the node says against starting is a failure.
   */
  async boot(options: LifeOptions = {}): Promise<Result<boolean, CannotRun>> {
    return await this.#options.simulation.until(this.start(options));
  }

  /** As `boot`, for whoever lets time pass by other means. */
  async start(options: LifeOptions = {}): Promise<Result<boolean, CannotRun>> {
    await this.#configure();
    const run = this.#begin(this.#options.simulation.begin(options));
    this.#run = run;
    const outcome = await Promise.race([run.root.start(), run.life.ended.then(() => undefined)]);
    if (outcome === undefined) return ok(false);
    if (outcome.ok) return ok(true);
    await run.root.cleanUp();
    run.life.end();
    return outcome;
  }

  /**
   * One request of a client, without waiting for simulated time to pass: `Simulation.until` does that. Undefined where the
   * node is down, or goes down before it has answered.
   */
  async request(request: SimulatedRequest): Promise<SimulatedAnswer | undefined> {
    const life = this.#run?.life;
    const [edge] = life?.edges.listening.values() ?? [];
    if (life === undefined || life.isOver || edge === undefined) return undefined;
    const headers = { host: ADDRESS, ...request.headers };
    const answer = await Promise.race([edge.send({ ...request, headers }), life.ended.then(() => undefined)]);
    life.tell("answer", request.method ?? "GET", request.target, answer);
    return answer;
  }

  /** Asks the admin socket, as the command line does. Undefined as with `request`. */
  async ask(question: AdminQuestion): Promise<AdminAnswer | undefined> {
    const run = this.#run;
    if (run === undefined || run.life.isOver) return undefined;
    const answer = await Promise.race([
      askAdmin(run.life, run.places.adminSocket, question),
      run.life.ended.then(() => undefined),
    ]);
    run.life.tell("admin", question, answer);
    return answer;
  }

  /** Breaks every link to the cell and refuses new ones, until `healLink` or the next life. */
  cutLink(cell: string): void {
    if (this.#run === undefined) return;
    this.#run.life.tell("link", "cut", cell);
    this.#run.life.base.network.cut(this.#socketOf(this.#run, cell));
  }

  /** Whatever crosses the link from now on takes so much longer; 0 ends it. */
  slowLink(cell: string, delayMs: number): void {
    if (this.#run === undefined) return;
    this.#run.life.tell("link", `slower by ${delayMs} ms`, cell);
    this.#run.life.base.network.delay(this.#socketOf(this.#run, cell), delayMs);
  }

  /** Connections over the link to the cell. */
  linkCount(cell: string): number {
    return this.#run === undefined ? 0 : this.#run.life.base.network.connectionCount(this.#socketOf(this.#run, cell));
  }

  healLink(cell: string): void {
    if (this.#run === undefined) return;
    this.#run.life.tell("link", "healed", cell);
    this.#run.life.base.network.heal(this.#socketOf(this.#run, cell));
  }

  /** As the root has it, at once. */
  status(): NodeStatus | undefined {
    return this.isUp ? this.#run?.root.status() : undefined;
  }

  /** Writes the configuration anew, as an operator does: a node that runs sees it. */
  configure(config: string): Promise<Result<void, DiskFailure>> {
    return this.#options.simulation.disk.replaceFile(`${DATA}/cepa.toml`, Buffer.from(config));
  }

  /** Has the node read its configuration again, as SIGHUP does. */
  reload(): void {
    if (this.isUp) this.#run?.root.reload();
  }

  /** Brings the node down in order, and ends its life. Gives why it failed, if it did. */
  async down(): Promise<CannotRun | undefined> {
    return await this.#options.simulation.until(this.stop());
  }

  /** As `down`, for whoever lets time pass by other means. */
  async stop(): Promise<CannotRun | undefined> {
    const run = this.#run;
    if (run === undefined || run.life.isOver) return undefined;
    void run.root.down();
    const failure = await run.ended;
    run.life.end();
    return failure;
  }

  /** The process is gone at once, and with `power` cut, what the disk had not yet made durable is at stake. */
  async crash({ power }: { readonly power: boolean }): Promise<void> {
    this.#run?.life.end();
    await this.#options.simulation.crash({ power });
  }

  #begin(life: Life): Run {
    const { catalogue, servers, tree = realTree } = this.#options;
    const seams = simulatedRootSeams({ life, tree, servers, catalogue: overheard(catalogue, life) });
    const places = placesOf({ ...seams, dataDirectory: DATA, runtimeDirectory: undefined, amnesia: false });
    const announced: Announcement[] = [];
    const ended = Promise.withResolvers<CannotRun | undefined>();
    const root = new Root({
      tree,
      options: this.#rootOptions(),
      seams,
      announcer: {
        announce: (said) => {
          if (life.isOver) return;
          announced.push(said);
          life.tell("announced", said);
        },
      },
      onEnd: ended.resolve,
    });
    return { life, root, places, announced, ended: ended.promise };
  }

  #socketOf({ places }: Run, cell: string): string {
    return `${places.run}/${cell}.sock`;
  }

  #rootOptions() {
    const parsed = must(parseOptions(["--data", DATA, "--profile", "single", "--http", ADDRESS], {}), "the arguments");
    if (parsed === "help") return must(cannotRun("supervisor.bad-usage", "no help was asked for"), "the arguments");
    return parsed;
  }

  async #configure(): Promise<void> {
    const { simulation, config } = this.#options;
    if (this.#isConfigured) return;
    this.#isConfigured = true;
    must(await simulation.disk.makeDirectory(DATA), "the data directory");
    if (config === undefined) return;
    must(await this.configure(config), "the configuration");
  }
}
