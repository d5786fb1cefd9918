/**
 * The rooms panel: for those who manage the meeting the plan and the rooms, for others where they are.
 *
 * Shows the library's model and sends commands; it has no state of the meeting of its own.
 */

import { make, setAttribute } from '../elements.js';
import { Commands } from './commands.js';
import { GuestView } from './guest.js';

/** @typedef {import('./commands.js').Client} Client */
/** @typedef {import('./commands.js').Tools} Tools */

/** The style sheet of the host's part; there before what it dresses. */
function dressed() {
  const href = new URL('host.css', import.meta.url).href;
  if (document.querySelector(`link[href="${href}"]`)) return undefined;
  const link = make('link', { rel: 'stylesheet', href });
  return new Promise((resolve) => {
    link.onload = link.onerror = resolve; // without it one can still work
    document.head.append(link);
  });
}

export class RoomsPanel {
  /** @type {import('./host.js').HostView | null} */ host = null;
  #timer = 0;
  #loading = false;
  #closed = false;
  #asked = false;

  /** @param {HTMLElement} parent @param {Client} client @param {Tools} tools */
  constructor(parent, client, tools) {
    this.client = client;
    this.tools = tools;
    const commands = new Commands(client, tools, () => this.render());
    this.guest = new GuestView(commands);
    this.guest.element.append(commands.live);
    this.element = make('div', { class: 'rooms-panel' }, this.guest.element);
    parent.append(this.element);
    this.#timer = window.setInterval(() => (this.#manages ? this.host : this.guest)?.tick(), 1_000);
    this.render();
  }

  /** Whether the panel shows what those who manage see. */
  get #manages() {
    return this.client.can('breakout.manage');
  }

  /** Brings everything in line with the model; many calls are one rendering. */
  render() {
    if (this.#asked || this.#closed) return;
    this.#asked = true;
    queueMicrotask(() => {
      this.#asked = false;
      if (!this.#closed) this.#render();
    });
  }

  #render() {
    const manages = this.#manages;
    setAttribute(this.guest.element, 'hidden', manages);
    if (this.host) setAttribute(this.host.element, 'hidden', !manages);
    if (!manages) this.guest.render();
    else if (this.host) this.host.render();
    else void this.#load();
  }

  async #load() {
    if (this.#loading) return;
    this.#loading = true;
    await this.tools.attempt(async () => {
      const [{ HostView }] = await Promise.all([import('./host.js'), dressed()]);
      if (this.#closed) return;
      this.host = new HostView(this.element, this.client, this.tools, () => this.render());
      this.element.append(this.host.element);
      this.render();
    });
    this.#loading = false;
  }

  /** Takes itself off the page. */
  close() {
    this.#closed = true;
    clearInterval(this.#timer);
    this.host?.close();
    this.element.remove();
  }
}
