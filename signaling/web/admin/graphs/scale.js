/** Numbers as people read them, with their unit, and axes whose steps are round. */

/** @typedef {'rate' | 'seconds' | 'share' | 'bytes' | 'count' | 'mean'} Unit */

const BYTES = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
/** @type {[number, string][]} */ const SECONDS = [[1, 's'], [1e-3, 'ms'], [1e-6, 'µs']];
/** @type {[number, string][]} */ const THOUSANDS = [[1e9, ' G'], [1e6, ' M'], [1e3, ' k']];

/** At most three digits that count, and no zeros behind them. @param {number} value */
function digits(value) {
  const size = Math.abs(value);
  const after = size >= 99.95 || Number.isInteger(value) ? 0 : size >= 9.995 ? 1 : 2;
  return String(Number(value.toFixed(after)));
}

/**
 * @param {number | null | undefined} value
 * @param {Unit} unit
 * @returns {string}
 */
export function format(value, unit) {
  if (value === null || value === undefined || !Number.isFinite(value)) return '–';
  switch (unit) {
    case 'seconds': {
      if (value === 0) return '0';
      const [size, name] = SECONDS.find(([least]) => value >= least * 0.9995) ?? [1e-6, 'µs'];
      return `${digits(value / size)} ${name}`;
    }
    case 'share': return `${Number((value * 100).toFixed(value >= 0.0995 ? 0 : 1))} %`;
    case 'bytes': {
      const power = value < 1 ? 0 : Math.min(BYTES.length - 1, Math.floor(Math.log2(value) / 10));
      return `${digits(value / 1024 ** power)} ${BYTES[power]}`;
    }
    case 'rate': return `${thousands(value)}/s`;
    case 'mean': return String(Number(value.toFixed(2)));
    default: return thousands(value);
  }
}

/** @param {number} value */
function thousands(value) {
  const [size, name] = THOUSANDS.find(([least]) => Math.abs(value) >= least * 0.9995) ?? [1, ''];
  return `${digits(value / size)}${name}`;
}

/**
 * Round steps from 0 to at least `most`.
 * @param {number} most
 * @param {Unit} unit
 * @returns {number[]} the last one is the axis' end
 */
export function ticks(most, unit) {
  const end = most > 0 && Number.isFinite(most) ? most : smallest(unit);
  const step = roundStep(Math.max(end, unit === 'count' ? 4 : 0) / 4, unit);
  const found = [0];
  while (/** @type {number} */ (found.at(-1)) < end * 0.9999) found.push(found.length * step);
  return found;
}

/** What an axis shows of a graph on which nothing happens. @param {Unit} unit */
function smallest(unit) {
  return { rate: 1, seconds: 1e-3, share: 0.1, bytes: 1 << 20, count: 4, mean: 1 }[unit];
}

/** The next round step of its power: of 10, or of bytes. @param {number} least @param {Unit} unit */
function roundStep(least, unit) {
  const base = unit === 'bytes' && least >= 1 ? 1024 ** Math.floor(Math.log2(least) / 10) : 1;
  const power = 10 ** Math.floor(Math.log10(least / base));
  const parts = unit === 'count' && power < 10 ? [1, 2, 5, 10] : [1, 2, 2.5, 5, 10];
  const step = parts.find((part) => part * power * base >= least * 0.9999) ?? 10;
  const found = step * power * base;
  return unit === 'count' ? Math.max(1, Math.round(found)) : found;
}
