/** Waiting for a condition, bounded, and saying what it was that never came. */

const PAUSE_MS = 50;

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
  let reason = '';
  for (;;) {
    try {
      if (await condition()) return performance.now() - start;
      reason = '';
    } catch (error) {
      reason = error instanceof Error ? error.message : String(error);
    }
    if (hopeless() || performance.now() - start > timeoutMs) {
      const waited = Math.round(performance.now() - start);
      throw new Error([`Not so within ${waited} ms: ${what}`, reason, detail()].filter(Boolean).join('\n'));
    }
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
}
