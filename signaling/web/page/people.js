/** The tab People: who is in the meeting, how and where, and what one may do about it. */

import { dialog } from './dialog.js';
import { arrange, button, icon, make, setAttribute, setText } from './elements.js';
import { openMenu } from './rooms/menu.js';
import { strings } from './strings.js';
import { hueOf, initials } from './tile.js';

/** @typedef {import('../client/client.js').Ringfence} Ringfence */
/** @typedef {import('../client/client.js').Participant} Participant */

const text = strings.people;

export class People {
  /** @type {Map<string, ReturnType<People['row']>>} */ #rows = new Map();

  /**
   * @param {HTMLElement} parent
   * @param {Ringfence} client
   * @param {{ attempt: (work: () => Promise<unknown>) => Promise<boolean>, write: (to: string) => void }} tools
   */
  constructor(parent, client, tools) {
    this.client = client;
    this.tools = tools;
    this.search = make('input', { type: 'search', placeholder: text.search, 'aria-label': text.search,
      oninput: () => this.render() });
    this.count = make('p', { class: 'quiet small people-count', role: 'status' });
    this.list = make('ul', { class: 'roster', 'aria-label': strings.tabs.people });
    parent.append(make('div', { class: 'stack' }, this.search, this.count, this.list));
  }

  render() {
    const { client } = this;
    for (const id of this.#rows.keys()) if (!client.participants.has(id)) this.#rows.delete(id);
    const wanted = this.search.value.trim().toLocaleLowerCase();
    const own = client.room;
    const people = [...client.participants.values()]
      .filter((one) => (one.name || one.id).toLocaleLowerCase().includes(wanted))
      .map((one) => ({ one, rank: one.id === client.id ? 0 : one.room === own ? 1 : 2, name: one.name || one.id }))
      .sort((a, b) => a.rank - b.rank || a.name.localeCompare(b.name));
    setText(this.count, wanted ? text.found(people.length) : text.count(client.participants.size));
    arrange(this.list, people.map(({ one }) => this.#row(one)));
  }

  /** @param {string} id */
  row(id) {
    const face = make('span', { class: 'avatar', 'aria-hidden': 'true' });
    face.style.setProperty('--hue', String(hueOf(id)));
    const name = make('span', { class: 'cut roster-name' });
    const state = make('span', { class: 'cut quiet small' });
    const silent = icon('microphone-off');
    const dark = icon('camera-off');
    const more = button(text.more(''), () => this.#menu(id, more), {
      icon: 'more', class: 'plain small', 'aria-haspopup': 'menu',
    });
    const said = make('span', { class: 'unseen' });
    const element = make('li', { 'data-participant': id }, face,
      make('span', { class: 'roster-text' }, name, state, said), silent, dark, more);
    return { element, face, name, state, said, silent, dark, more };
  }

  /** @param {Participant} person */
  #row(person) {
    const { client } = this;
    const { id, muted } = person;
    const row = this.#rows.get(id) ?? this.row(id);
    this.#rows.set(id, row);
    const name = person.name || id;
    setText(row.face, initials(name));
    setText(row.name, id === client.id ? text.own(name) : name);
    setText(row.state, this.#state(person));
    row.state.hidden = row.state.textContent === '';
    row.silent.classList.toggle('gone', !muted.audio);
    row.dark.classList.toggle('gone', !muted.video);
    setText(row.said, [muted.audio && text.muted, muted.video && text.dark].filter(Boolean).join(', '));
    row.element.classList.toggle('speaking', client.speaking.includes(id));
    row.element.classList.toggle('away', person.room !== client.room);
    row.more.classList.toggle('gone', this.#items(person).length === 0);
    setAttribute(row.more, 'aria-label', text.more(name));
    return row.element;
  }

  /** Role, room, and what is out of the ordinary. @param {Participant} person */
  #state({ id, role, room, paused }) {
    const { client } = this;
    const voice = client.voices.get(id);
    const place = client.rooms.find((one) => one.id === room);
    return [
      role !== 'participant' && role,
      voice && strings.stage.voices[voice],
      room !== client.room && (place ? text.inRoom(place.name) : text.away),
      room !== null && room !== 'main' && client.help.has(room) && text.help,
      paused && place && text.paused,
    ].filter(Boolean).join(' · ');
  }

  /** @param {Participant} person @returns {{ label: string, run: () => void, danger?: boolean }[]} */
  #items({ id, muted, role, name }) {
    const { client, tools } = this;
    const other = id !== client.id;
    const mutes = other && client.can('people.mute');
    /** @param {() => Promise<unknown>} work */
    const run = (work) => () => void tools.attempt(work);
    const items = [
      other && client.can('chat') && { label: text.write, run: () => tools.write(id) },
      mutes && !muted.audio && { label: text.mute, run: run(() => client.people.mute(id, 'audio')) },
      mutes && !muted.video && { label: text.darken, run: run(() => client.people.mute(id, 'video')) },
      other && client.can('voice.whisper') && { label: this.#whispersTo(id) ? text.noWhisper : text.whisper,
        run: run(() => client.whisper(this.#whispersTo(id) ? null : { client: id })) },
      client.can('role.change') && { label: text.role, run: () => void this.#role(id, name, role) },
      other && client.can('people.kick')
        && { label: text.kick, danger: true, run: () => void this.#kick(id, name || id) },
    ];
    return items.filter((item) => item !== false);
  }

  /** @param {string} id */
  #whispersTo(id) {
    const to = this.client.whispering;
    return to !== null && 'client' in to && to.client === id;
  }

  /** @param {string} id @param {HTMLElement} anchor */
  #menu(id, anchor) {
    const person = this.client.participants.get(id);
    if (person) openMenu(anchor, this.#items(person));
  }

  /** @param {string} id @param {string} name */
  async #kick(id, name) {
    const sure = await dialog({ title: text.kickTitle(name), text: text.kickText, confirm: text.kick, danger: true });
    if (sure) await this.tools.attempt(() => this.client.people.kick(id));
  }

  /** @param {string} id @param {string} name @param {string} role */
  async #role(id, name, role) {
    const known = new Set([...this.client.roleNames, role]); // theirs may be of before the roles changed
    const select = make('select', {}, ...[...known].map((one) => make('option', { value: one, text: one })));
    select.value = role;
    const force = make('input', { type: 'checkbox' });
    const own = id === this.client.id;
    const body = make('div', { class: 'stack' }, make('label', { class: 'field' }, text.roleField, select),
      !own && make('label', { class: 'choice' }, force, text.roleForce));
    if (!await dialog({ title: text.roleTitle(name || id), body, confirm: text.roleChange })) return;
    await this.tools.attempt(() => this.client.roles.change(id, select.value, { force: own || force.checked }));
  }
}
