/** What those who manage the meeting see. It is loaded when somebody may: most people never need it. */

import { button, make, setAttribute } from '../elements.js';
import { Actions } from './actions.js';
import { Board } from './board.js';
import { Monitor } from './monitor.js';
import { Places } from './places.js';
import { Session } from './session.js';
import { Setup } from './setup.js';
import { texts } from './strings.js';

/** @typedef {import('./commands.js').Client} Client */
/** @typedef {import('./commands.js').Tools} Tools */

const LEVEL_MS = 100;

export class HostView {
  #places = new Places();
  #ear = setInterval(() => this.board.listen(), LEVEL_MS);

  /** @param {HTMLElement} panel which scrolls @param {Client} client @param {Tools} tools @param {() => void} render */
  constructor(panel, client, tools, render) {
    this.panel = panel;
    this.client = client;
    const actions = new Actions(client, this.#places, tools, render);
    this.monitor = new Monitor(actions, panel);
    this.setup = new Setup(actions);
    this.session = new Session(actions, this.monitor);
    this.board = new Board(panel, client, this.#places, actions, this.monitor);
    actions.listen = (room) => this.monitor.listen(room);
    actions.select = (people) => this.board.select(people);
    this.size = button(texts.larger, () => this.#resize(),
      { class: 'plain panel-size', icon: 'larger', 'aria-pressed': 'false' });
    this.board.top.append(this.setup.more, this.session.more, this.size);
    this.element = make('div', { class: 'host' }, this.setup.element, this.session.element, this.board.element,
      this.board.bar, actions.live);
  }

  render() {
    this.#places.update(this.client);
    this.setup.render();
    this.board.render();
    this.monitor.render(this.board.cards);
    this.session.render();
  }

  /** Once a second. */
  tick() {
    if (!this.#places.open) return;
    this.session.tick();
    this.board.tick();
  }

  /** Large enough to plan on, or as wide as the other tabs. */
  #resize() {
    const large = this.panel.classList.toggle('large');
    setAttribute(this.size, 'aria-pressed', large);
  }

  close() {
    clearInterval(this.#ear);
    this.monitor.close();
    this.board.close();
    this.element.remove();
  }
}
