/** Root may read and write everything: what a mode forbids is tried as somebody else. */

/** Who owns nothing. */
export const NOBODY = 65_534;

/** Runs `run` with the rights of nobody, where this process is root. */
export async function asNobody<Value>(run: () => Promise<Value>): Promise<Value> {
  if (process.getuid?.() !== 0) return await run();
  process.seteuid?.(NOBODY);
  try {
    return await run();
  } finally {
    process.seteuid?.(0);
  }
}
