/**
 * What two scrapes say together: how much a counter grew, and where in a histogram a share of all lies.
 *
 * A counter that went down began anew (a shard or the process was started again): then nothing is said,
 * instead of something wrong.
 */

/** @typedef {import('./parse.js').Sample} Sample */
/** @typedef {{ bound: number, count: number }} Cell a histogram's count up to a bound, not cumulative */

/**
 * How much a counter grew.
 * @param {Sample} now @param {Sample} before
 * @param {string} name @param {Record<string, string>} [labels]
 * @returns {number | null}
 */
export function growth(now, before, name, labels) {
  const [to, from] = [now.sum(name, labels), before.sum(name, labels)];
  return to === null || from === null || to < from ? null : to - from;
}

/**
 * How much a counter grew in a second.
 * @param {Sample} now @param {Sample} before
 * @param {string} name @param {Record<string, string>} [labels]
 * @returns {number | null}
 */
export function rate(now, before, name, labels) {
  const grown = growth(now, before, name, labels);
  const seconds = (now.at - before.at) / 1_000;
  return grown === null || seconds <= 0 ? null : grown / seconds;
}

/**
 * The cells of a histogram, of all rows that bear the labels, as they grew.
 * @param {Sample} now @param {Sample | null} before null: since the process began
 * @param {string} name without `_bucket`
 * @param {Record<string, string>} [labels]
 * @returns {Cell[] | null} null: not told, or begun anew
 */
export function cells(now, before, name, labels = {}) {
  const bucket = `${name}_bucket`;
  /** @type {Cell[]} */ const grown = [];
  let below = 0;
  const bounds = now.values(bucket, 'le').map((text) => ({ text, bound: text === '+Inf' ? Infinity : Number(text) }));
  for (const { text, bound } of bounds.sort((a, b) => a.bound - b.bound)) {
    const wanted = { ...labels, le: text };
    const to = now.sum(bucket, wanted);
    const from = before ? before.sum(bucket, wanted) : 0;
    if (to === null || from === null || to < from) return null;
    grown.push({ bound, count: to - from - below });
    below = to - from;
  }
  return grown.length === 0 || grown.some((cell) => cell.count < 0) ? null : grown;
}

/** How many were counted. @param {Cell[]} histogram */
export function total(histogram) {
  return histogram.reduce((sum, cell) => sum + cell.count, 0);
}

/**
 * The value below which this share lies, straight within a cell as Prometheus' `histogram_quantile`: what
 * lies above the last finite bound is told as that bound.
 * @param {Cell[] | null} histogram
 * @param {number} share 0 to 1
 * @returns {number | null}
 */
export function quantile(histogram, share) {
  if (!histogram) return null;
  const all = total(histogram);
  if (all === 0) return null;
  const wanted = share * all;
  let [seen, from] = [0, 0];
  for (const { bound, count } of histogram) {
    if (seen + count >= wanted && count > 0) {
      return bound === Infinity ? from : from + (bound - from) * ((wanted - seen) / count);
    }
    seen += count;
    if (bound !== Infinity) from = bound;
  }
  return from;
}
