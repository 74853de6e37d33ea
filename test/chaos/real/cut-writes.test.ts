/** Which calls count as cut, as `strace` tells of them. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { isCut } from "#chaos/real/cut-writes.ts";

const CUT: readonly string[] = [
  '20845 pwrite64(21, ""..., 3000, 0)      = 1000',
  '20847 pwritev(21, [{iov_base=""..., iov_len=600}, {iov_base=""..., iov_len=600}], 2, 0) = 1000',
  '20847 pwritev2(21, [{iov_base=""..., iov_len=600}], 1, 0, 0) = 1',
];

const WHOLE: readonly string[] = [
  '20845 pwrite64(21, ""..., 3000, 0)      = 3000',
  '20845 pwrite64(21, ""..., 2000, 1000)   = -1 EFBIG (File too large)',
  '20847 pwritev(21, [{iov_base=""..., iov_len=600}, {iov_base=""..., iov_len=600}], 2, 0) = 1200',
  '20847 pwrite64(21, ""..., 200, 1000 <unfinished ...>',
  "20845 --- SIGXFSZ {si_signo=SIGXFSZ, si_code=SI_USER, si_pid=20836, si_uid=0} ---",
  "",
];

describe("chaos: a write that is cut short", () => {
  for (const line of CUT) it(`is one that took a part: ${line}`, () => assert(isCut(line)));

  for (const line of WHOLE) it(`is none that took all, or nothing: ${line}`, () => assert(!isCut(line)));
});
