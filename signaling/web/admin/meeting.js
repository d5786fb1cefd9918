/** One meeting: its rooms, the people in them, and what can be done to each. */

import { arrange, button, make, setAttribute, setText } from '../page/elements.js';
import { Actions } from './actions.js';
import { stateText } from './meetings.js';
import { Poll } from './polling.js';
import { strings } from './strings.js';

/** @typedef {{ id: string, state: string, ends_at?: number, participants: number, rooms: number }} MeetingView */
/**
 * @typedef {object} PersonView
 * @property {string} id
 * @property {string} name
 * @property {string} role
 * @property {string} room
 * @property {string} [assigned]
 * @property {{ audio: boolean, video: boolean }} muted
 * @property {boolean} paused
 */
/** @typedef {{ id: string, name: string }} Room */

const MAIN = 'main';
const EVERY_MS = 2_000;
/** So much longer between two looks for each person: three thousand of them are a lot of text. */
const MORE_MS_PER_PERSON = 5;
/** With more people than this, rooms are closed until somebody opens them. */
const OPEN_PEOPLE_MAX = 80;

const text = strings.meeting;

export class Meeting {
  /** @type {Room[]} */ #rooms = [];
  /** @type {Map<string, RoomCard>} */ #cards = new Map();
  #people = 0;
  #state = make('p', { class: 'quiet facts' });
  #controls = make('div', { class: 'actions' });
  #places = make('div', { class: 'rooms' });
  #problem = make('p', { class: 'error', role: 'alert' });

  /** @param {import('./api.js').Api} api @param {string} id */
  constructor(api, id) {
    this.api = api;
    this.id = id;
    this.actions = new Actions(api, id, () => this.poll.now());
    this.poll = new Poll(EVERY_MS, () => this.#ask());
    const { actions } = this;
    this.start = button(text.start, () => actions.start(), { class: 'small' });
    this.stop = button(text.stop, () => actions.stop(), { class: 'small', hidden: true });
    const write = button(text.broadcast, () => actions.broadcast(this.#rooms), { class: 'small' });
    const end = button(text.end, () => actions.end(this.#people), { class: 'small danger' });
    this.element = make('section', { class: 'meeting card', 'aria-labelledby': 'meeting-title' },
      make('a', { class: 'back small', href: '#meetings', text: text.back }),
      make('h2', { id: 'meeting-title', tabindex: '-1', text: id }), this.#state, this.#problem,
      this.#controls, this.#places);
    this.#controls.append(this.start, this.stop, write, end);
  }

  async #ask() {
    const { path } = this.actions;
    try {
      const [view, plan, { participants }] = await Promise.all([
        this.api.get(path), this.api.get(`${path}/breakouts`), this.api.get(`${path}/participants`),
      ]);
      setText(this.#problem, '');
      this.#show(view, plan.rooms, participants);
      return participants.length * MORE_MS_PER_PERSON;
    } catch (error) {
      const { status, message } = /** @type {import('./api.js').ApiError} */ (error);
      if (status === 404) return this.#over();
      setText(this.#problem, message);
      throw error;
    }
  }

  #over() {
    this.poll.stop();
    setText(this.#problem, '');
    setText(this.#state, text.gone);
    this.#places.replaceChildren();
    this.#controls.hidden = true;
  }

  /** @param {MeetingView} view @param {Room[]} breakouts @param {PersonView[]} people */
  #show(view, breakouts, people) {
    this.#people = people.length;
    this.#rooms = [{ id: MAIN, name: text.mainRoom }, ...breakouts];
    this.start.hidden = view.state !== 'draft';
    this.start.disabled = breakouts.length === 0;
    this.stop.hidden = view.state !== 'started';
    const { people: persons, rooms } = strings.meetings;
    const facts = [persons(people.length), rooms(breakouts.length), stateText(view.state, view.ends_at)];
    setText(this.#state, facts.join(', '));
    const open = people.length <= OPEN_PEOPLE_MAX;
    /** @type {Map<string, PersonView[]>} */ const inside = Map.groupBy(people, (person) => person.room);
    arrange(this.#places, this.#rooms.map((room) => {
      const card = this.#cards.get(room.id) ?? new RoomCard(this, open);
      this.#cards.set(room.id, card);
      card.show(room, inside.get(room.id) ?? [], this.#rooms);
      return card.element;
    }));
  }
}

/** A room; who is in it is shown while it is open. */
class RoomCard {
  #name = make('h3', { class: 'cut' });
  #count = make('span', { class: 'quiet small count' });
  #list = make('ul', { class: 'people' });
  #nobody = make('p', { class: 'quiet small', text: text.nobody });
  /** @type {Map<string, PersonRow>} */ #rows = new Map();
  /** @type {[Room, PersonView[], Room[]] | null} */ #last = null;

  /** @param {Meeting} meeting @param {boolean} open */
  constructor(meeting, open) {
    this.meeting = meeting;
    this.element = make('details', { class: 'room', open },
      make('summary', {}, this.#name, this.#count), this.#nobody, this.#list);
    this.element.addEventListener('toggle', () => this.#last && this.show(...this.#last));
  }

  /** @param {Room} room @param {PersonView[]} people @param {Room[]} rooms of the meeting */
  show(room, people, rooms) {
    this.#last = [room, people, rooms];
    setAttribute(this.element, 'data-room', room.id);
    setText(this.#name, room.name);
    setText(this.#count, strings.meetings.people(people.length));
    this.#nobody.hidden = people.length > 0;
    if (!this.element.open) return;
    const staying = new Set(people.map((person) => person.id));
    for (const id of this.#rows.keys()) if (!staying.has(id)) this.#rows.delete(id);
    arrange(this.#list, people.map((person) => {
      const row = this.#rows.get(person.id) ?? new PersonRow(this.meeting);
      this.#rows.set(person.id, row);
      row.show(person, rooms);
      return row.element;
    }));
  }
}

class PersonRow {
  #name = make('span', { class: 'cut name' });
  #facts = make('span', { class: 'quiet small cut' });
  /** @type {PersonView | null} */ #person = null;
  /** @type {Room[]} */ #rooms = [];

  /** @param {Meeting} meeting */
  constructor({ actions }) {
    const on = (/** @type {(person: PersonView) => void} */ act) => () => this.#person && act(this.#person);
    this.move = button(text.move, on((person) => actions.move(person, this.#rooms)), { class: 'small' });
    this.kick = button(text.kick, on((person) => actions.kick(person)), { class: 'small danger' });
    this.element = make('li', { class: 'person' },
      make('div', { class: 'who' }, this.#name, this.#facts), this.move, this.kick);
  }

  /** @param {PersonView} person @param {Room[]} rooms */
  show(person, rooms) {
    this.#person = person;
    this.#rooms = rooms;
    setAttribute(this.element, 'data-person', person.id);
    setText(this.#name, person.name);
    const elsewhere = person.assigned && person.assigned !== person.room
      ? rooms.find((room) => room.id === person.assigned)?.name ?? person.assigned : null;
    const facts = [
      person.role,
      person.muted.audio && text.muted.audio,
      person.muted.video && text.muted.video,
      person.paused && text.paused,
      elsewhere && text.belongs(elsewhere),
      person.id !== person.name && person.id,
    ];
    setText(this.#facts, facts.filter(Boolean).join(' · '));
    this.move.hidden = rooms.length < 2;
    for (const [control, label] of /** @type {const} */ ([[this.move, text.moveWho], [this.kick, text.kickWho]])) {
      setAttribute(control, 'title', label(person.name));
    }
  }
}
