/**
 * A supervisor as a child of another: a life is a supervisor's life with all its children.
 *
 * - A start is over when every child has come up or has failed once; it fails where the intensity was exceeded meanwhile.
 * - An escalation ends the life, after every child has stopped: an exit, on which the supervisor above decides.
 * - A stop is a shutdown; `kill` is one without any time.
 */
import { Defect, describeExit, type ExitReason, fail, ok, type Result } from "#runtime/errors.ts";
import type { Child, StartFailed } from "#supervisor/child.ts";
import type { ChildStatus } from "#supervisor/entry.ts";
import type { Supervisor } from "#supervisor/supervisor.ts";
import type { Escalation } from "#supervisor/supervisor-options.ts";

/** What a nested supervisor leaves of its stop for the way back, so that its own deadlines pass before those above. */
export const NESTED_MARGIN_MS = 100;

const STOPPED: ExitReason = { kind: "shutdown" };
const KILLED: ExitReason = { kind: "killed", afterMs: 0 };

export class SupervisorChild implements Child {
  readonly name: string;
  readonly #make: (onEscalate: (cause: Escalation) => void) => Supervisor;
  #supervisor: Supervisor | undefined;
  #isUp = false;
  /** Why the life under way is on its way down, or the last one ended. */
  #end: ExitReason | undefined;
  #onExit: (reason: ExitReason) => void = () => undefined;

  /** `make` is called for every life. The children may be the same ones each time: they are addresses with lives. */
  constructor(name: string, make: (onEscalate: (cause: Escalation) => void) => Supervisor) {
    this.name = name;
    this.#make = make;
  }

  async start(): Promise<Result<void, StartFailed>> {
    this.#isUp = false;
    this.#end = undefined;
    const supervisor = this.#make((cause) => this.#over(supervisor, escalated(cause)));
    this.#supervisor = supervisor;
    await supervisor.start();
    const end: ExitReason | undefined = this.#end;
    if (end !== undefined) return fail({ code: "supervisor.start-failed", child: this.name, reason: end });
    this.#isUp = true;
    return ok();
  }

  async stop(withinMs: number): Promise<void> {
    const supervisor = this.#supervisor;
    if (supervisor === undefined) return;
    this.#end = STOPPED;
    await supervisor.shutdown(Math.max(0, withinMs - NESTED_MARGIN_MS));
    this.#supervisor = undefined;
  }

  kill(): void {
    const supervisor = this.#supervisor;
    if (supervisor === undefined) return;
    // One that is stopping has said why; it only has no more time.
    const end = this.#end ?? KILLED;
    this.#end = end;
    void supervisor.shutdown(0).then(() => this.#over(supervisor, end));
  }

  onExit(run: (reason: ExitReason) => void): void {
    this.#onExit = run;
  }

  /** Of its children; empty while there is no life. */
  status(): readonly ChildStatus[] {
    return this.#supervisor?.status() ?? [];
  }

  #over(supervisor: Supervisor, reason: ExitReason): void {
    if (this.#supervisor !== supervisor) return;
    this.#supervisor = undefined;
    this.#end = reason;
    // A start that fails says so itself, and a stop settles.
    if (this.#isUp && reason !== STOPPED) this.#onExit(reason);
  }
}

function escalated({ child, reason }: Escalation): ExitReason {
  return { kind: "crashed", defect: new Defect(`too many restarts, the last of ${child}: ${describeExit(reason)}`) };
}
