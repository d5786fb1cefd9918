/**
 * Waiting for a condition, bounded, and saying what it was that never came.
 *
 * Only time in which this process could run counts: a machine that stood still is no fault of what is tested.
 */

const PAUSE_MS = 50;
/** No more of one look counts. */
const LOOK_MS = 1_000;

/**
 * @param {string} what for the error
 * @param {number} timeoutMs
 * @param {() => Promise<boolean> | boolean} condition an error it throws is kept as the reason
 * @param {() => string} [detail] added to the error
 * @param {() => boolean} [hopeless] true: give up at once
 * @returns {Promise<number>} how long it took, in ms
 */
export async function until(what, timeoutMs, condition, detail = () => '', hopeless = () => false) {
  const start = performance.now();
  let spent = 0;
  let reason = '';
  for (;;) {
    const looked = performance.now();
    try {
      if (await condition()) return performance.now() - start;
      reason = '';
    } catch (error) {
      reason = error instanceof Error ? error.message : String(error);
    }
    if (hopeless() || spent > timeoutMs) {
      const waited = Math.round(performance.now() - start);
      throw new Error([`Not so within ${waited} ms: ${what}`, reason, detail()].filter(Boolean).join('\n'));
    }
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    spent += Math.min(LOOK_MS, performance.now() - looked);
  }
}
