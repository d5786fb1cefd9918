/** Short notices that go by themselves; errors stay longer. Screen readers read each. */

import { byId, make } from './elements.js';

const SHOWN_MS = { info: 5_000, error: 9_000 };
const MAX = 3;

/** @param {string} text @param {'info' | 'error'} [kind] */
export function toast(text, kind = 'info') {
  const place = byId('toasts');
  const notice = make('p', { class: `toast ${kind}`, text });
  // The same once more is no news.
  for (const other of place.children) if (other.textContent === text) other.remove();
  place.append(notice);
  while (place.childElementCount > MAX) place.firstElementChild?.remove();
  setTimeout(() => notice.remove(), SHOWN_MS[kind]);
}
