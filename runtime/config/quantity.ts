/**
 * Numbers as people write them: `15s`, `1.5 GiB`, `128`.
 *
 * A number without a unit is in the unit of its field. Units are exact and case-sensitive: durations `ms s m h d`,
 * sizes `B kB MB GB TB` (thousands) and `KiB MiB GiB TiB` (1024). One space may stand before the unit. A fraction is
 * fine where the result is whole; arithmetic is exact.
 */
import type { NumberField } from "#runtime/config/schema.ts";

type Unit = NumberField<"ms" | "bytes" | "count">["unit"];

const SCALES: Readonly<Record<Unit, Readonly<Record<string, bigint>>>> = {
  ms: { "": 1n, ms: 1n, s: 1000n, m: 60_000n, h: 3_600_000n, d: 86_400_000n },
  bytes: {
    "": 1n,
    B: 1n,
    kB: 1000n,
    MB: 1_000_000n,
    GB: 1_000_000_000n,
    TB: 1_000_000_000_000n,
    KiB: 1024n,
    MiB: 1_048_576n,
    GiB: 1_073_741_824n,
    TiB: 1_099_511_627_776n,
  },
  count: { "": 1n },
};

const QUANTITY = /^(\d{1,16})(?:\.(\d{1,9}))? ?([A-Za-z]{0,3})$/;

/** What may be written for a field of this unit, for messages. */
export function quantityExamples(unit: Unit): string {
  return { ms: "250ms, 15s, 5m, 1h, 1d", bytes: "64KiB, 1.5GiB, 10MB", count: "128" }[unit];
}

/** The number in the field's own unit, or undefined when the text is no whole quantity of that unit. */
export function parseQuantity(text: string, unit: Unit): number | undefined {
  const [, whole, fraction = "", suffix = ""] = QUANTITY.exec(text.trim()) ?? [];
  const scales = SCALES[unit];
  if (whole === undefined || !Object.hasOwn(scales, suffix)) return undefined;
  const divisor = 10n ** BigInt(fraction.length);
  const scaled = BigInt(whole + fraction) * (scales[suffix] ?? 0n);
  if (scaled % divisor !== 0n) return undefined;
  const value = Number(scaled / divisor);
  return Number.isSafeInteger(value) ? value : undefined;
}
