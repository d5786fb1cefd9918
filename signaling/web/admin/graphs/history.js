/**
 * The points of one graph, of the last ten minutes. Lines keep the place they first came in, so that a
 * colour means the same for as long as the page is open.
 */

/** @typedef {import('./catalog.js').Point} Point */
/** @typedef {{ at: number, values: (number | null)[] }} Moment values by the index of their line */

export const HISTORY_MS = 10 * 60_000;

export class History {
  /** Names of the lines. @type {string[]} */ lines = [];
  /** From old to new. @type {Moment[]} */ moments = [];

  /** @param {number} at @param {Point[]} points none: nothing is known of this moment */
  add(at, points) {
    const values = this.lines.map(() => /** @type {number | null} */ (null));
    for (const [name, value] of points) {
      let index = this.lines.indexOf(name);
      if (index < 0) index = this.lines.push(name) - 1;
      values[index] = value;
    }
    this.moments.push({ at, values });
    let old = 0;
    while ((this.moments[old]?.at ?? at) < at - HISTORY_MS) old += 1;
    this.moments.splice(0, old);
  }

  /** The moments since then. @param {number} from */
  since(from) {
    const first = this.moments.findIndex((moment) => moment.at >= from);
    return first < 0 ? [] : this.moments.slice(first);
  }

  /** The moment nearest to a time. @param {number} at @returns {Moment | null} */
  nearest(at) {
    /** @type {Moment | null} */ let best = null;
    for (const moment of this.moments) {
      if (!best || Math.abs(moment.at - at) < Math.abs(best.at - at)) best = moment;
    }
    return best;
  }
}
