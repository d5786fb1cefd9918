/**
 * The operator's page: the way in, and after it the drain switch, graphs, and meetings. The part of the
 * address behind `#` says what is shown; it holds names of meetings, and never the token.
 */

import { byId, make, setAttribute, setText } from '../page/elements.js';
import { Drain } from './drain.js';
import { Gate } from './gate.js';
import { Board } from './graphs/board.js';
import { Sample } from './graphs/parse.js';
import { Meeting } from './meeting.js';
import { Meetings } from './meetings.js';
import { Poll } from './polling.js';
import { strings } from './strings.js';
import { keep, read } from './token.js';

const METRICS_EVERY_MS = 2_000;
const DRAIN_EVERY_MS = 5_000;

class Page {
  /** @type {Meeting | null} */ #meeting = null;
  #live = make('span', { class: 'live', role: 'status', text: strings.bar.live });
  /** @type {Poll[]} */ #polls = [];
  /** Something was shown already: the focus goes where somebody goes. */ #routed = false;

  /** @param {import('./gate.js').Entered} entered */
  constructor({ api, whole }) {
    this.api = api;
    this.meetings = new Meetings(api);
    this.drain = whole ? new Drain(api) : null;
    this.graphs = make('section', { class: 'view', 'aria-label': strings.views.graphs });
    this.lists = make('section', { class: 'view lists', 'aria-label': strings.views.meetings }, this.meetings.element);
    this.choose = make('p', { class: 'empty-note choose', text: strings.meetings.choose });
    this.board = new Board(this.graphs);
    const { drain } = this;
    this.#polls = [new Poll(METRICS_EVERY_MS, () => this.#scrape()), this.meetings.poll,
      ...(drain ? [new Poll(DRAIN_EVERY_MS, () => drain.refresh())] : [])];
    this.tabs = Object.entries(strings.views).map(([view, text]) => make('a', { href: `#${view}`, text }));
    byId('bar').replaceChildren(
      make('h1', { text: strings.title }), make('nav', { 'aria-label': strings.title }, ...this.tabs),
      this.#live, ...(drain ? [drain.element] : []), this.#whose());
    byId('main').replaceChildren(this.graphs, this.lists);
    byId('bar').hidden = byId('main').hidden = false;
    this.onhashchange = () => this.#route();
    addEventListener('hashchange', this.onhashchange);
    for (const poll of this.#polls) poll.start();
    this.#route();
  }

  /** Ends it: nothing is asked any more. */
  close() {
    for (const poll of [...this.#polls, ...(this.#meeting ? [this.#meeting.poll] : [])]) poll.stop();
    removeEventListener('hashchange', this.onhashchange);
    byId('bar').hidden = byId('main').hidden = true;
    byId('bar').replaceChildren();
    byId('main').replaceChildren();
  }

  async #scrape() {
    try {
      const text = await this.api.text('/metrics');
      this.board.take(new Sample(text, performance.now()));
      this.#connected(true);
    } catch (error) {
      this.board.gap(performance.now());
      this.#connected(false);
      throw error;
    }
  }

  /** @param {boolean} live */
  #connected(live) {
    setText(this.#live, live ? strings.bar.live : strings.bar.lost);
    setAttribute(this.#live, 'class', live ? 'live' : 'live lost');
  }

  /** Whose token it is, and the way out. */
  #whose() {
    const { token } = this.api;
    const of = token === null ? null : read(token);
    if (!of) return make('p', { class: 'whose quiet small', text: strings.bar.open });
    const until = of.expires?.toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' }) ?? '';
    const text = of.meeting ? strings.bar.bound(of.meeting) : strings.bar.who(of.subject, until);
    return make('div', { class: 'whose row' }, make('span', { class: 'quiet small cut', text }),
      make('button', { type: 'button', class: 'small', text: strings.bar.signOut, onclick: signOut }));
  }

  /** Shows what the address says. */
  #route() {
    const [view = '', id] = location.hash.slice(1).split('/', 2);
    const name = view === 'meeting' && id ? decode(id) : null;
    const lists = view === 'meetings' || name !== null;
    this.graphs.hidden = lists;
    this.lists.hidden = !lists;
    for (const tab of this.tabs) {
      const here = tab.getAttribute('href') === (lists ? '#meetings' : '#graphs');
      setAttribute(tab, 'aria-current', here ? 'page' : null);
    }
    this.meetings.choose(name);
    if (this.#meeting?.id === name) return;
    this.#meeting?.poll.stop();
    this.#meeting?.element.remove();
    this.#meeting = name === null ? null : new Meeting(this.api, name);
    setAttribute(this.lists, 'class', this.#meeting ? 'view lists chosen' : 'view lists');
    this.choose.remove();
    this.lists.append(this.#meeting?.element ?? this.choose);
    this.#meeting?.poll.start();
    if (this.#meeting && this.#routed) this.#meeting.element.querySelector('h2')?.focus();
    this.#routed = true;
  }
}

/** @param {string} part of the address @returns {string | null} null: not one of ours */
function decode(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return null;
  }
}

/** @type {Page | null} */ let page = null;

const gate = new Gate((entered) => {
  page = new Page(entered);
  entered.api.onunauthorized = () => {
    leave();
    gate.ask(strings.gate.ended);
  };
});

/** Forgets the token and all that was shown by it. */
function leave() {
  keep(null);
  page?.close();
  page = null;
}

function signOut() {
  leave();
  gate.ask('');
}

document.title = strings.title;
byId('way-in').append(gate.element);
await gate.open();
