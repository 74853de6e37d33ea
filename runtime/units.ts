/** Units, so that a number never stands alone: `5 * second`, `64 * KiB`. Durations are milliseconds, sizes bytes. */

/** The unit of all durations. */
export const millisecond = 1;
/** In milliseconds. */
export const second = 1000;
/** In milliseconds. */
export const minute = 60_000;
/** In milliseconds. */
export const hour = 3_600_000;

/** In bytes. */
export const KiB = 1024;
/** In bytes. */
export const MiB = 1_048_576;
/** In bytes. */
export const GiB = 1_073_741_824;
