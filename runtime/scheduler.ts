/** When queued turns run, as a seam: the simulated one chooses the order by seed. */
export interface Scheduler {
  /** Soon: before timers and sockets are served. */
  microtask(run: () => void): void;
  /** After timers and sockets were served once. */
  macrotask(run: () => void): void;
}
