/** The four facts of the kernel (seed 003 §2.1), exactly. */
export type KernelEvent =
  /** A service became ready (`ok`) or stopped being so. */
  | { readonly type: "Health"; readonly service: string; readonly ok: boolean }
  /** Every cell has accepted configuration number `version`, and it is in force. */
  | { readonly type: "ConfigUpdated"; readonly version: number }
  /** An incarnation or a process ended abnormally. `reason` is one word of a small closed set. */
  | { readonly type: "ServiceCrashed"; readonly service: string; readonly reason: string }
  /** The node has drained: the last thing that is announced. */
  | { readonly type: "Shutdown" };
