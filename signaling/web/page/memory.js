/** What the browser keeps for the next time; where storage is off, nothing. Never a token: see `app.js`. */

/** @param {string} key @param {string} value */
export function keep(key, value) {
  try {
    localStorage.setItem(`ringfence.${key}`, value);
  } catch { /* it is typed or chosen again */ }
}

/** @param {string} key */
export function kept(key) {
  try {
    return localStorage.getItem(`ringfence.${key}`) ?? '';
  } catch {
    return '';
  }
}
