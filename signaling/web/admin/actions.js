/** What an operator does to a meeting and its people; each is asked about before it is done. */

import { dialog } from '../page/dialog.js';
import { make } from '../page/elements.js';
import { toast } from '../page/toast.js';
import { strings } from './strings.js';

/** @typedef {import('./meeting.js').MeetingView} MeetingView */
/** @typedef {import('./meeting.js').PersonView} PersonView */
/** @typedef {{ id: string, name: string }} Room */

const TEXT_LENGTH_MAX = 1_000;
const text = strings.ask;

export class Actions {
  /**
   * @param {import('./api.js').Api} api
   * @param {string} id the meeting's
   * @param {() => void} changed something was done
   */
  constructor(api, id, changed) {
    this.api = api;
    this.id = id;
    this.path = `/v1/meetings/${encodeURIComponent(id)}`;
    this.changed = changed;
  }

  /** @param {number} people */
  async end(people) {
    const asked = { title: text.endTitle(this.id), text: text.end(people), confirm: text.endConfirm, danger: true };
    if (await dialog(asked)) await this.#try(() => this.api.delete(this.path), text.ended);
  }

  async start() {
    const { consents } = text;
    const consent = choice([['', consents.default], ['force', consents.force], ['ask', consents.ask]]);
    const minutes = make('input', { type: 'number', min: 1, max: 1_440, step: 1, inputmode: 'numeric' });
    const body = make('div', { class: 'stack' }, field(text.consent, consent), field(text.minutes, minutes));
    if (!await dialog({ title: text.startTitle, text: text.start, body, confirm: text.startConfirm })) return;
    const how = {
      ...(consent.value && { consent: consent.value }),
      ...(minutes.value && { timer_s: Number(minutes.value) * 60 }),
    };
    await this.#try(() => this.api.post(`${this.path}/breakouts/start`, how), text.started);
  }

  async stop() {
    const bounds = { min: 0, max: 600, step: 1, value: 0, required: true };
    const grace = make('input', { type: 'number', inputmode: 'numeric', ...bounds });
    const asked = { title: text.stopTitle, text: text.stop, body: field(text.grace, grace), confirm: text.stopConfirm };
    if (!await dialog(asked)) return;
    const seconds = Number(grace.value);
    const how = seconds > 0 ? { grace_s: seconds } : {};
    await this.#try(() => this.api.post(`${this.path}/breakouts/stop`, how), text.stopped);
  }

  /** @param {Room[]} rooms the main room first */
  async broadcast(rooms) {
    const words = make('textarea', { rows: 3, maxlength: TEXT_LENGTH_MAX, required: true, autofocus: true });
    const breakouts = rooms.slice(1);
    const to = choice([
      ['*', text.everywhere],
      ...(breakouts.length ? [/** @type {[string, string]} */ (['', text.allBreakouts])] : []),
      ...rooms.map((room) => /** @type {[string, string]} */ ([room.id, room.name])),
    ]);
    const body = make('div', { class: 'stack' }, field(text.text, words), field(text.to, to));
    if (!await dialog({ title: text.broadcastTitle, body, confirm: text.broadcastConfirm })) return;
    const named = to.value === '*' ? rooms.map((room) => room.id) : to.value === '' ? undefined : [to.value];
    await this.#try(() => this.api.post(`${this.path}/broadcast`, { text: words.value, rooms: named }), text.sent);
  }

  /** @param {PersonView} person @param {Room[]} rooms */
  async move(person, rooms) {
    const room = choice(rooms.filter(({ id }) => id !== person.room).map(({ id, name }) => [id, name]));
    const asked = { title: text.moveTitle(person.name), body: field(text.room, room), confirm: text.moveConfirm };
    if (!await dialog(asked)) return;
    const name = rooms.find(({ id }) => id === room.value)?.name ?? room.value;
    await this.#try(() => this.api.post(`${this.path}/move`, { participants: [person.id], room: room.value }),
      text.moved(person.name, name));
  }

  /** @param {PersonView} person */
  async kick(person) {
    const asked = { title: text.kickTitle(person.name), text: text.kick, confirm: text.kickConfirm, danger: true };
    if (!await dialog(asked)) return;
    const path = `${this.path}/participants/${encodeURIComponent(person.id)}`;
    await this.#try(() => this.api.delete(path), text.kicked(person.name));
  }

  /** @param {() => Promise<unknown>} work @param {string} done */
  async #try(work, done) {
    try {
      await work();
      toast(done);
    } catch (error) {
      toast(/** @type {Error} */ (error).message, 'error');
    }
    this.changed();
  }
}

/** @param {string} label @param {HTMLElement} control */
function field(label, control) {
  return make('label', { class: 'field' }, make('span', { text: label }), control);
}

/** @param {[value: string, text: string][]} options */
function choice(options) {
  return make('select', {}, ...options.map(([value, shown]) => make('option', { value, text: shown })));
}
