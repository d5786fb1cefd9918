/**
 * Prometheus' text, as `/metrics` tells it (OpenMetrics 1.0): names, labels, numbers.
 *
 * What can not be read is passed over: one odd line must not cost the operator all the others.
 */

/** @typedef {{ labels: Record<string, string>, value: number }} Row one line of a metric */

/** One scrape: rows by the metric's name, and when it came. */
export class Sample {
  /** @type {Map<string, Row[]>} */ #rows = new Map();

  /** @param {string} text @param {number} at in milliseconds, by a clock that never goes back */
  constructor(text, at) {
    this.at = at;
    for (const line of text.split('\n')) {
      const read = parseLine(line);
      if (!read) continue;
      const rows = this.#rows.get(read.name);
      if (rows) rows.push(read);
      else this.#rows.set(read.name, [read]);
    }
  }

  /** @param {string} name @returns {Row[]} none: the server does not tell it */
  rows(name) {
    return this.#rows.get(name) ?? [];
  }

  /**
   * The sum of the rows that bear these labels; null without any.
   * @param {string} name
   * @param {Record<string, string>} [labels]
   * @returns {number | null}
   */
  sum(name, labels = {}) {
    const wanted = Object.entries(labels);
    let total = null;
    for (const row of this.rows(name)) {
      if (wanted.every(([label, value]) => row.labels[label] === value)) total = (total ?? 0) + row.value;
    }
    return total;
  }

  /**
   * All values that a label has in a metric; those that are numbers by size.
   * @param {string} name @param {string} label
   */
  values(name, label) {
    const found = new Set(this.rows(name).map((row) => row.labels[label] ?? ''));
    found.delete('');
    return [...found].sort((a, b) => Number(a) - Number(b) || (a < b ? -1 : 1));
  }
}

const NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*/;
const LABEL = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"/y;

/** @param {string} line @returns {(Row & { name: string }) | null} */
export function parseLine(line) {
  const name = NAME.exec(line)?.[0];
  if (!name) return null; // a comment, or nothing
  /** @type {Record<string, string>} */ const labels = {};
  let at = name.length;
  if (line[at] === '{') {
    at += 1;
    while (line[at] !== '}') {
      LABEL.lastIndex = at;
      const label = LABEL.exec(line);
      if (!label) return null;
      labels[/** @type {string} */ (label[1])] = unescape(/** @type {string} */ (label[2]));
      at = LABEL.lastIndex;
      if (line[at] === ',') at += 1;
    }
    at += 1;
  }
  const value = number(line.slice(at).trim().split(/\s+/, 1)[0] ?? '');
  return value === null ? null : { name, labels, value };
}

/** @param {string} text @returns {number | null} */
export function number(text) {
  if (text === '+Inf') return Infinity;
  if (text === '-Inf') return -Infinity;
  const value = text === '' ? NaN : Number(text);
  return Number.isNaN(value) ? null : value;
}

/** @param {string} text */
function unescape(text) {
  return text.replace(/\\(.)/g, (_, character) => (character === 'n' ? '\n' : character));
}
