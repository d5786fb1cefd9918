/** Where tiles stand: a grid, or what is shared with a row of people beside it. Pure arithmetic. */

/** @typedef {{ x: number, y: number, width: number, height: number }} Box */
/**
 * @typedef {object} Plan
 * @property {number} max how many people fit
 * @property {(count: number) => { large: Box[], places: Box[] }} boxes
 */

export const GAP_PX = 10;
/** How wide a tile may be for its height. */
const RATIO = { min: 1.15, max: 16 / 9 };
/** Smaller, and nobody can be told from another. */
const MIN = { width: 150, height: 105 };
/** Numbers of places: between them a grid does not change. */
const STEPS = [1, 2, 4, 6, 9, 12, 16];
const PEOPLE_MAX = 16;

/** The smallest grid for so many. @param {number} people @param {number} max */
export function placesFor(people, max) {
  return Math.min(STEPS.find((step) => step >= people) ?? PEOPLE_MAX, max);
}

/** @param {number} length @param {number} parts */
const part = (length, parts) => (length - GAP_PX * (parts - 1)) / parts;

/** The largest box of an allowed ratio within a cell. @param {number} width @param {number} height */
function within(width, height) {
  const ratio = Math.min(RATIO.max, Math.max(RATIO.min, width / height));
  const fitted = Math.min(width, height * ratio);
  return { width: Math.floor(fitted), height: Math.floor(Math.min(height, fitted / ratio)) };
}

/**
 * The columns that make `count` tiles the largest.
 * @param {number} width
 * @param {number} height
 * @param {number} count
 */
function best(width, height, count) {
  let found = { columns: 1, rows: count, width: 0, height: 0 };
  for (let columns = 1; columns <= count; columns += 1) {
    const rows = Math.ceil(count / columns);
    const box = within(part(width, columns), part(height, rows));
    if (box.width * box.height > found.width * found.height) found = { columns, rows, ...box };
  }
  return found;
}

/** @param {number} width @param {number} height @returns {Plan} */
export function grid(width, height) {
  const fits = STEPS.filter((step) => {
    const box = best(width, height, step);
    return box.width >= MIN.width && box.height >= MIN.height;
  });
  return {
    max: fits.at(-1) ?? 1,
    boxes: (count) => {
      const { columns, rows, ...box } = best(width, height, count);
      const left = (width - columns * box.width - GAP_PX * (columns - 1)) / 2;
      const top = (height - rows * box.height - GAP_PX * (rows - 1)) / 2;
      const places = Array.from({ length: count }, (_, at) => ({
        x: Math.round(left + (at % columns) * (box.width + GAP_PX)),
        y: Math.round(top + Math.floor(at / columns) * (box.height + GAP_PX)),
        ...box,
      }));
      return { large: [], places };
    },
  };
}

/**
 * What is shared is large; people stand in a row below (upright windows) or beside it.
 * @param {number} width
 * @param {number} height
 * @param {number} count how many are shared
 * @returns {Plan}
 */
export function beside(width, height, count) {
  const upright = width < height * 1.2;
  const small = upright
    ? { width: Math.floor(part(width, 3)), height: Math.floor(part(width, 3) * 0.75) }
    : { width: Math.max(160, Math.min(240, Math.floor(width / 5))), height: 0 };
  if (!upright) small.height = Math.floor(small.width * 9 / 16);
  const rows = upright ? 2 : Math.max(1, Math.floor((height + GAP_PX) / (small.height + GAP_PX)));
  const columns = upright ? 3 : 1;
  return {
    max: rows * columns,
    boxes: (people) => {
      const used = Math.min(rows, Math.ceil(people / columns));
      const room = upright
        ? { width, height: height - used * (small.height + GAP_PX) }
        : { width: width - small.width - GAP_PX, height };
      const each = best(room.width, room.height, count);
      const large = Array.from({ length: count }, (_, at) => {
        const [wide, high] = [part(room.width, each.columns), part(room.height, each.rows)];
        const [column, row] = [at % each.columns, Math.floor(at / each.columns)];
        return {
          x: Math.round(column * (wide + GAP_PX)), y: Math.round(row * (high + GAP_PX)),
          width: Math.floor(wide), height: Math.floor(high),
        };
      });
      const places = Array.from({ length: people }, (_, at) => ({
        x: upright ? (at % columns) * (small.width + GAP_PX) : room.width + GAP_PX,
        y: upright ? Math.round(room.height + GAP_PX + Math.floor(at / columns) * (small.height + GAP_PX))
          : at * (small.height + GAP_PX),
        ...small,
      }));
      return { large, places };
    },
  };
}
