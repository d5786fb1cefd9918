/** After the meeting: why it ended, and the way back. */

import { button, make } from './elements.js';
import { strings } from './strings.js';

const text = strings.ended;

/**
 * What happened and what may be done about it, in words. The library's own words where there are no better ones.
 * @param {unknown} error
 * @returns {{ title: string, text: string, again: boolean }}
 */
export function explain(error) {
  const { kind = '', message = '' } = /** @type {{ kind?: string, message?: string }} */ (error ?? {});
  const known = text.kinds[/** @type {keyof typeof text.kinds} */ (kind)];
  const again = !['kicked', 'expired', 'refused'].includes(kind);
  return known ? { ...known, again } : { title: text.refused, text: message || String(error), again };
}

/**
 * @param {HTMLElement} place
 * @param {{ title: string, text: string, again: boolean }} why
 * @param {() => Promise<void>} rejoin
 * @param {() => void} back to the form
 */
export function ended(place, why, rejoin, back) {
  const again = why.again && button(text.rejoin, () => {
    if (again) again.disabled = true;
    void rejoin();
  }, { id: 'rejoin', class: 'primary' });
  const heading = make('h1', { text: why.title, tabindex: -1 });
  place.replaceChildren(make('div', { class: 'ended' }, heading,
    why.text && make('p', { class: 'lead', text: why.text }),
    make('div', { class: 'row' }, again, button(text.back, back, { id: 'back' }))));
  place.hidden = false;
  (again || heading).focus();
}
