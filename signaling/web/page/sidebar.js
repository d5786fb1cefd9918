/** The side panel: tabs, one panel each. Arrow keys go from tab to tab; Escape closes on phones. */

import { button, make, setText } from './elements.js';
import { strings } from './strings.js';

/** @typedef {keyof typeof strings.tabs} Tab */

export class Sidebar extends EventTarget {
  /** @type {Map<Tab, { tab: HTMLButtonElement, badge: HTMLElement, panel: HTMLElement }>} */ #tabs = new Map();
  /** @type {Tab} */ #shown = 'people';

  /** @param {HTMLElement} element */
  constructor(element) {
    super();
    this.element = element;
    const { label, close: closing } = strings.sidebar;
    this.list = make('div', { class: 'tabs', role: 'tablist', 'aria-label': label, onkeydown: this.#onKey });
    const close = button(closing, () => this.toggle(false), { icon: 'close', class: 'plain panel-close' });
    this.head = make('div', { class: 'panel-head' }, this.list, close);
    element.replaceChildren(this.head);
    element.onkeydown = this.#onEscape;
  }

  /** A tab more. @param {Tab} name @returns {HTMLElement} its panel */
  add(name) {
    const badge = make('span', { class: 'badge', hidden: true });
    const tab = make('button', {
      type: 'button', role: 'tab', id: `tab-${name}`, 'aria-controls': `panel-${name}`, onclick: () => this.show(name),
    }, strings.tabs[name], badge);
    const panel = make('section', {
      role: 'tabpanel', id: `panel-${name}`, class: 'tab-panel', 'aria-labelledby': tab.id, tabindex: 0,
    });
    this.#tabs.set(name, { tab, badge, panel });
    this.list.append(tab);
    this.element.append(panel);
    this.#mark();
    return panel;
  }

  get open() {
    return this.element.classList.contains('open');
  }

  /** The tab that is or was shown. */
  get last() {
    return this.#shown;
  }

  get shown() {
    return this.open ? this.#shown : null;
  }

  /** @param {Tab} name */
  show(name) {
    this.#shown = name;
    this.#mark();
    this.toggle(true);
  }

  /** @param {boolean} [open] @param {Tab} [name] as this tab; if it is open with this one, it is closed */
  toggle(open, name) {
    if (name && open === undefined && this.shown !== name) return this.show(name);
    const to = open ?? !this.open;
    this.element.classList.toggle('open', to);
    this.dispatchEvent(new Event('change'));
  }

  /** @param {Tab} name @param {number} count 0: none @param {string} [label] what is counted, to be read out */
  badge(name, count, label = '') {
    const tab = this.#tabs.get(name);
    if (!tab) return;
    tab.badge.hidden = count === 0;
    setText(tab.badge, count > 99 ? '99+' : String(count));
    tab.badge.title = label;
  }

  /** Moves the keyboard into the panel. */
  focus() {
    this.#tabs.get(this.#shown)?.tab.focus();
  }

  #mark() {
    for (const [name, { tab, panel }] of this.#tabs) {
      const selected = name === this.#shown;
      tab.setAttribute('aria-selected', String(selected));
      tab.tabIndex = selected ? 0 : -1;
      panel.hidden = !selected;
    }
  }

  /** The keyboard goes back to where it came from. */
  #onEscape = (/** @type {KeyboardEvent} */ event) => {
    if (event.key !== 'Escape' || event.defaultPrevented || !this.open) return;
    this.toggle(false);
    this.dispatchEvent(new Event('escape'));
  };

  #onKey = (/** @type {Event} */ event) => {
    const { key } = /** @type {KeyboardEvent} */ (event);
    const names = [...this.#tabs.keys()];
    const at = names.indexOf(this.#shown);
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: names.length - 1 }[key];
    const name = to === undefined ? undefined : names[(to + names.length) % names.length];
    if (!name) return;
    event.preventDefault();
    this.show(name);
    this.focus();
  };
}
