/** The drain switch: how it stands, and both ways of setting it; only the way in is asked about. */

import { dialog } from '../page/dialog.js';
import { button, make, setAttribute, setText } from '../page/elements.js';
import { toast } from '../page/toast.js';
import { strings } from './strings.js';

const PATH = '/v1/drain';

/** @typedef {{ draining: boolean, stopping: boolean, live: number }} State */

export class Drain {
  #told = make('span', { class: 'drain-state', role: 'status' });
  #switch = button('', () => this.#set(), { role: 'switch', 'aria-checked': 'false', class: 'switch', disabled: true });
  element = make('div', { class: 'drain' }, this.#told, this.#switch);
  /** @type {State | null} */ #state = null;

  /** @param {import('./api.js').Api} api */
  constructor(api) {
    this.api = api;
    this.#switch.append(make('span', { text: strings.drain.label }), make('i', { class: 'track' }));
  }

  /** Asks how it stands. */
  async refresh() {
    this.#show(await this.api.get(PATH));
  }

  /** @param {State} state */
  #show(state) {
    this.#state = state;
    const { draining, stopping, live } = state;
    this.#switch.disabled = stopping;
    setAttribute(this.#switch, 'aria-checked', String(draining));
    setAttribute(this.element, 'class', draining ? 'drain on' : 'drain');
    const { off, on, stopping: ends } = strings.drain;
    setText(this.#told, stopping ? ends(live) : draining ? on(live) : off);
  }

  async #set() {
    const draining = !this.#state?.draining;
    const { askTitle, ask, askConfirm, done, undone } = strings.drain;
    if (draining && !await dialog({ title: askTitle, text: ask, confirm: askConfirm, danger: true })) return;
    try {
      this.#show(await this.api.put(PATH, { draining }));
      toast(draining ? done : undone);
    } catch (error) {
      toast(/** @type {Error} */ (error).message, 'error');
    }
  }
}
