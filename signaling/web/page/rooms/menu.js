/** A menu at a button: arrow keys, Escape, and closing when one looks elsewhere. One at a time. */

import { button, make } from '../elements.js';

/** @typedef {{ label: string, run: () => void, danger?: boolean } | null | false | undefined} Item */

/** @type {() => void} */
let closeOpen = () => {};

/** @param {HTMLElement} anchor @param {Item[]} items */
export function openMenu(anchor, items) {
  closeOpen();
  const menu = make('div', { class: 'menu', role: 'menu', popover: 'auto' });
  for (const item of items) {
    if (!item) continue;
    menu.append(button(item.label, () => {
      menu.hidePopover();
      item.run();
    }, { role: 'menuitem', class: item.danger ? 'danger' : null, tabindex: '-1' }));
  }
  menu.addEventListener('keydown', (event) => {
    const all = /** @type {HTMLElement[]} */ ([...menu.children]);
    const at = all.indexOf(/** @type {HTMLElement} */ (document.activeElement));
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: -1 }[event.key];
    event.stopPropagation();
    if (event.key === 'Tab') menu.hidePopover();
    if (to === undefined) return;
    event.preventDefault();
    all.at(to % all.length)?.focus();
  });
  menu.addEventListener('toggle', (event) => {
    if (/** @type {ToggleEvent} */ (event).newState === 'open') return;
    const inside = menu.contains(document.activeElement) || document.activeElement === document.body;
    menu.remove();
    setAttributeOpen(anchor, false);
    if (inside && anchor.isConnected) anchor.focus();
  });
  closeOpen = () => { if (menu.isConnected) menu.hidePopover(); };
  document.body.append(menu);
  setAttributeOpen(anchor, true);
  menu.showPopover();
  place(menu, anchor.getBoundingClientRect());
  /** @type {HTMLElement | null} */ (menu.firstElementChild)?.focus();
}

/** @param {HTMLElement} anchor @param {boolean} open */
function setAttributeOpen(anchor, open) {
  anchor.setAttribute('aria-expanded', String(open));
}

/** Below the button, or above where there is no room. @param {HTMLElement} menu @param {DOMRect} at */
function place(menu, at) {
  const { width, height } = menu.getBoundingClientRect();
  const left = Math.max(8, Math.min(at.right - width, innerWidth - width - 8));
  const below = at.bottom + 4 + height <= innerHeight - 8;
  const top = below ? at.bottom + 4 : Math.max(8, at.top - height - 4);
  menu.style.setProperty('left', `${left}px`);
  menu.style.setProperty('top', `${top}px`);
}
