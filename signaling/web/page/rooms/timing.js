/** Time that is left, as people read it. */

/** Whole seconds until then, rounded up: it does not say 0 too early. @param {number} endsAt @param {number} [now] */
export const secondsTo = (endsAt, now = Date.now()) => Math.max(0, Math.ceil((endsAt - now) / 1_000));

/** `4:07`, `1:02:03`. @param {number} seconds */
export function clock(seconds) {
  const parts = [Math.floor(seconds / 3_600), Math.floor(seconds / 60) % 60, seconds % 60];
  if (parts[0] === 0) parts.shift();
  return parts.map((part, at) => (at === 0 ? String(part) : String(part).padStart(2, '0'))).join(':');
}
