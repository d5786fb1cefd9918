/**
 * The rooms panel: for those who manage the meeting the plan and the rooms, for others where they are.
 *
 * Shows the library's model and sends commands; it has no state of the meeting of its own.
 */

import { button, make, setAttribute } from '../elements.js';
import { Actions } from './actions.js';
import { Board } from './board.js';
import { GuestView } from './guest.js';
import { Monitor } from './monitor.js';
import { Places } from './places.js';
import { Session } from './session.js';
import { Setup } from './setup.js';
import { texts } from './strings.js';

/** @typedef {import('./places.js').Client} Client */
/** @typedef {import('./actions.js').Tools} Tools */

export class RoomsPanel {
  #places = new Places();
  #timer = 0;
  #closed = false;
  #asked = false;

  /**
   * @param {HTMLElement} parent
   * @param {Client} client
   * @param {Tools} tools
   */
  constructor(parent, client, tools) {
    this.client = client;
    this.element = make('div', { class: 'rooms-panel' });
    const actions = new Actions(client, this.#places, tools, () => this.render());
    this.monitor = new Monitor(actions, this.element);
    this.setup = new Setup(actions);
    this.session = new Session(actions, this.monitor);
    this.board = new Board(this.element, client, this.#places, actions, this.monitor);
    this.guest = new GuestView(actions);
    actions.listen = (room) => this.monitor.listen(room);
    actions.select = (people) => this.board.select(people);
    this.size = button(texts.larger, () => this.#resize(), { class: 'plain panel-size', icon: 'larger', 'aria-pressed': 'false' });
    this.board.top.append(this.setup.more, this.session.more, this.size);
    this.host = make('div', { class: 'host' }, this.setup.element, this.session.element, this.board.element, this.board.bar);
    this.element.append(this.host, this.guest.element, actions.live);
    parent.append(this.element);
    this.#timer = window.setInterval(() => this.#tick(), 1_000);
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
    this.host.hidden = !manages;
    this.guest.element.hidden = manages;
    if (!manages) {
      this.guest.render();
      return;
    }
    this.#places.update(this.client);
    this.setup.render();
    this.board.render();
    this.monitor.render(this.board.cards);
    this.session.render();
  }

  #tick() {
    if (!this.#manages) this.guest.tick();
    else if (this.#places.open) {
      this.session.tick();
      this.board.tick();
    }
  }

  /** Large enough to plan on, or as wide as the other tabs. */
  #resize() {
    const large = this.element.classList.toggle('large');
    setAttribute(this.size, 'aria-pressed', large);
  }

  /** Takes itself off the page. */
  close() {
    this.#closed = true;
    clearInterval(this.#timer);
    this.monitor.close();
    this.board.close();
    this.element.remove();
  }
}
