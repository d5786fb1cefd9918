/** Dialogs: one at a time, focus is held inside and given back, Escape closes. */

import { button, make } from './elements.js';
import { strings } from './strings.js';

/**
 * @typedef {object} Content
 * @property {string} title
 * @property {string} [text] a paragraph
 * @property {Node | null} [body] fields, below the text
 * @property {string} [confirm] of the button that goes on; none: only closing
 * @property {string} [cancel] of the other button
 * @property {boolean} [danger] whether going on destroys something
 * @property {boolean} [wide]
 */

/**
 * Shows a dialog. Fields in `body` may be read when it resolves.
 * @param {Content} content
 * @returns {Promise<boolean>} whether it was confirmed
 */
export function dialog({ title, text, body, confirm, cancel, danger, wide }) {
  const heading = make('h2', { text: title, id: `dialog-${Math.random().toString(36).slice(2)}` });
  const no = button(cancel ?? (confirm ? strings.dialog.cancel : strings.dialog.close), () => element.close());
  const yes = confirm && make('button', { type: 'submit', class: danger ? 'danger solid' : 'primary', text: confirm });
  const form = make('form', { method: 'dialog', onsubmit: () => element.close('yes') },
    heading, text && make('p', { text }), body, make('div', { class: 'dialog-buttons' }, no, yes));
  const element = make('dialog', { class: wide ? 'dialog wide' : 'dialog', 'aria-labelledby': heading.id }, form);
  document.body.append(element);
  element.showModal();
  return new Promise((resolve) => {
    element.addEventListener('close', () => {
      element.remove();
      resolve(element.returnValue === 'yes');
    });
  });
}
