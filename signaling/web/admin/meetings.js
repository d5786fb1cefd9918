/** The list of meetings, page by page as the server gives them. */

import { arrange, button, make, setAttribute, setText } from '../page/elements.js';
import { Poll } from './polling.js';
import { strings } from './strings.js';

/** @typedef {import('./meeting.js').MeetingView} MeetingView */

const PAGE = 50;
const EVERY_MS = 3_000;
const text = strings.meetings;

export class Meetings {
  /** Behind which id each page begins, up to this one; '': the first. @type {string[]} */ #pages = [''];
  /** @type {string | null} */ #next = null;
  /** @type {MeetingView[]} */ #meetings = [];
  /** @type {Map<string, Row>} */ #rows = new Map();
  /** @type {string | null} */ #chosen = null;

  #filter = make('input', {
    type: 'search', 'aria-label': text.filter, placeholder: text.filter, oninput: () => this.#render(),
  });
  #list = make('ul', { class: 'meeting-list' });
  #problem = make('p', { class: 'error small', role: 'alert' });
  #none = make('p', { class: 'empty-note', hidden: true });
  #previous = button(text.previous, () => this.#turn(-1), { class: 'small' });
  #after = button(text.next, () => this.#turn(1), { class: 'small' });
  #turning = make('nav', { class: 'row turning', 'aria-label': text.title, hidden: true }, this.#previous, this.#after);
  element = make('section', { class: 'meetings card', 'aria-label': text.title }, 
    this.#filter, this.#problem, this.#list, this.#none, this.#turning);

  /** @param {import('./api.js').Api} api */
  constructor(api) {
    this.api = api;
    this.poll = new Poll(EVERY_MS, () => this.#ask());
  }

  /** Marks one as the one that is shown. @param {string | null} id */
  choose(id) {
    this.#chosen = id;
    this.#render();
  }

  async #ask() {
    const after = this.#pages.at(-1) ?? '';
    const query = new URLSearchParams({ limit: String(PAGE), ...(after && { after }) });
    const { meetings, next } = await this.api.get(`/v1/meetings?${query}`).catch((error) => {
      setText(this.#problem, error.message);
      throw error;
    });
    setText(this.#problem, '');
    if ((this.#pages.at(-1) ?? '') !== after) return; // the page was turned meanwhile
    if (meetings.length === 0 && after) return this.#turn(-1); // all of this page are over
    this.#meetings = meetings;
    this.#next = next ?? null;
    this.#render();
  }

  /** @param {-1 | 1} by */
  #turn(by) {
    if (by < 0 && this.#pages.length > 1) this.#pages.pop();
    if (by > 0 && this.#next !== null) this.#pages.push(this.#next);
    this.poll.now();
  }

  #render() {
    const wanted = this.#filter.value.trim().toLowerCase();
    const shown = this.#meetings.filter((meeting) => meeting.id.toLowerCase().includes(wanted));
    const staying = new Set(this.#meetings.map((meeting) => meeting.id));
    for (const id of this.#rows.keys()) if (!staying.has(id)) this.#rows.delete(id);
    arrange(this.#list, shown.map((meeting) => {
      const row = this.#rows.get(meeting.id) ?? new Row(meeting.id);
      this.#rows.set(meeting.id, row);
      row.show(meeting, meeting.id === this.#chosen);
      return row.element;
    }));
    this.#none.hidden = shown.length > 0;
    setText(this.#none, this.#meetings.length === 0 ? text.none : text.noneMatch);
    this.#previous.disabled = this.#pages.length === 1;
    this.#after.disabled = this.#next === null;
    this.#turning.hidden = this.#previous.disabled && this.#after.disabled;
  }
}

class Row {
  #facts = make('span', { class: 'quiet small' });
  #state = make('span', { class: 'state small' });

  /** @param {string} id */
  constructor(id) {
    this.link = make('a', { href: `#meeting/${encodeURIComponent(id)}` },
      make('strong', { class: 'cut', text: id }), this.#facts, this.#state);
    this.element = make('li', { 'data-meeting': id }, this.link);
  }

  /** @param {MeetingView} meeting @param {boolean} chosen */
  show({ participants, rooms, state, ends_at: endsAt }, chosen) {
    setText(this.#facts, `${text.people(participants)}, ${text.rooms(rooms)}`);
    setText(this.#state, state === 'draft' ? '' : stateText(state, endsAt));
    setAttribute(this.link, 'aria-current', chosen ? 'true' : null);
  }
}

/** @param {string} state @param {number} [endsAt] in ms since 1970 */
export function stateText(state, endsAt) {
  const word = text.states[state] ?? state;
  if (!endsAt) return word;
  const left = Math.max(0, Math.round((endsAt - Date.now()) / 1_000));
  return `${word}, ${text.endsIn(`${Math.floor(left / 60)}:${String(left % 60).padStart(2, '0')}`)}`;
}
