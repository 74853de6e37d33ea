/**
 * `cepa/runtime`: the words in which actors are written, and the seams they run on.
 *
 * A protocol says what an actor hears, a behavior what it does, a ref how it is spoken to. What keeps actors alive is in
 * `cepa/supervisor`; what tests them in `cepa/testing`. What is not exported here is not for use from outside.
 */
export type { ActorContext, ActorEvent, Awaitable, Behavior, Handlers, Later, Task } from "#runtime/behavior.ts";
export { Breaker, type BreakerLimits, type BreakerOptions, type CircuitOpen } from "#runtime/breaker/breaker.ts";
export type { BreakerState } from "#runtime/breaker/breaker-chart.ts";
export { Bus, type BusOptions, type Received, type Subscription } from "#runtime/bus.ts";
export { type ByteSource, ENDED, FAILED } from "#runtime/byte-source.ts";
export {
  type ActorCrashed,
  type ActorStopped,
  type CallFailure,
  type CallTimeout,
  type Cancelled,
  type Executed,
  type Expired,
  isCallFailure,
  type LinkLost,
  type MailboxFull,
  type NotConnected,
  type Poison,
  type Unsendable,
} from "#runtime/call-failure.ts";
export type { Clock, Timer } from "#runtime/clock.ts";
export type { DeadLetter, DeadLetterReason } from "#runtime/dead-letters.ts";
export {
  assert,
  Defect,
  type ExitReason,
  type Failure,
  fail,
  must,
  ok,
  type Result,
  unreachable,
} from "#runtime/errors.ts";
export type { NotReplayed } from "#runtime/losses.ts";
export type {
  Call,
  CallName,
  Cast,
  CastName,
  FailureOf,
  Idempotent,
  IdempotentName,
  Protocol,
  ReplyOf,
  RequestOf,
} from "#runtime/protocol.ts";
export type { Random } from "#runtime/random.ts";
export { realClock } from "#runtime/real/clock.ts";
export { createRealRandom } from "#runtime/real/random.ts";
export { realScheduler } from "#runtime/real/scheduler.ts";
export type { CallOptions, CastOutcome, Down, Ref, Trace, Within } from "#runtime/ref.ts";
export type { Scheduler } from "#runtime/scheduler.ts";
export type { Scope } from "#runtime/scope.ts";
export type { Log, LogFields } from "#runtime/telemetry/log.ts";
export {
  type Counter,
  type Gauge,
  type Histogram,
  type Labels,
  type MetricDelta,
  type MetricKind,
  Metrics,
} from "#runtime/telemetry/metrics.ts";
export { GiB, hour, KiB, MiB, millisecond, minute, second } from "#runtime/units.ts";
