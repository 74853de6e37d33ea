/** Why a supervisor does not do what it is asked to. Nothing has changed then. */
import type { Failure } from "#runtime/errors.ts";

/** Nobody of that name is supervised here. */
export interface NoSuchChild extends Failure<"supervisor.no-such-child"> {
  readonly child: string;
}
/** There is no life to end, or it has ended and is only still letting go of what it holds. */
export interface NotRunning extends Failure<"supervisor.not-running"> {
  readonly child: string;
  readonly state: string;
}
/** There is nothing to resume: it is up, or on its way up or down. */
export interface NotResumable extends Failure<"supervisor.not-resumable"> {
  readonly child: string;
  readonly state: string;
}
/** A child of that name is there, or still on its way down. Choose another name, or await its `remove`. */
export interface ChildExists extends Failure<"supervisor.child-exists"> {
  readonly child: string;
}
/** As many dynamic children as a supervisor takes. Retry when some have ended. */
export interface ChildrenFull extends Failure<"supervisor.children-full"> {
  readonly childrenMax: number;
}
/** The supervisor is on its way down. Final. */
export interface SupervisorClosing extends Failure<"supervisor.closing"> {
  readonly supervisor: string;
}
/** It belongs to the spec; only dynamic children can be removed. `hold` stops it. */
export interface NotRemovable extends Failure<"supervisor.not-removable"> {
  readonly child: string;
}

/** Why a child is not killed. */
export type KillRefusal = NoSuchChild | NotRunning;
/** Why a child is not resumed. */
export type ResumeRefusal = NoSuchChild | NotResumable;
/** Why a child is not added. */
export type AddRefusal = ChildExists | ChildrenFull | SupervisorClosing;
/** Why a child is not removed. */
export type RemoveRefusal = NoSuchChild | NotRemovable;
