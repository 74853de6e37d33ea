/** When queued turns run, as a seam: the simulated one chooses the order by seed. */
export interface Scheduler {
  /** Soon: before timers and sockets are served. */
  microtask(run: () => void): void;
  /** After timers and sockets were served once. */
  macrotask(run: () => void): void;
}

/** For what no code here can own, e.g. a callback that throws: it reaches the cell as an uncaught error does. */
export function surface(defect: unknown, scheduler: Scheduler): void {
  scheduler.microtask(() => {
    throw defect;
  });
}
