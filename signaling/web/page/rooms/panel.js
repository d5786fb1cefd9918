/**
 * The tab Rooms: rooms with the people in them; selecting people and moving them.
 *
 * Names come from strangers: they only ever become text nodes.
 */

import { arrange, button, make, setText } from '../elements.js';

/** @typedef {import('../../client/client.js').Ringfence} Ringfence */
/** @typedef {import('../../client/client.js').Room} Room */
/**
 * @typedef {object} Tools
 * @property {(work: () => Promise<unknown>) => Promise<boolean>} attempt runs a command, tells people if it was
 * refused, and says whether it was carried out
 * @property {typeof import('../toast.js').toast} toast
 * @property {typeof import('../dialog.js').dialog} dialog
 * @property {typeof import('../strings.js').strings} strings
 */

/** Roles that may create rooms and move people. Whatever is shown, the server decides. */
const MANAGERS = new Set(['host', 'co-host', 'moderator']);

export class RoomsPanel {
  /** @type {Map<string, ReturnType<RoomsPanel['section']>>} */ #sections = new Map();
  /** @type {Map<string, ReturnType<RoomsPanel['item']>>} */ #people = new Map();
  /** @type {Set<string>} */ #selected = new Set();

  /** @param {HTMLElement} parent @param {Ringfence} client @param {Tools} tools */
  constructor(parent, client, tools) {
    const text = tools.strings.rooms;
    this.parent = parent;
    this.client = client;
    this.tools = tools;
    this.list = make('div', { class: 'rooms-list' });
    const count = make('input', { id: 'room-count', type: 'number', min: 1, max: 300, value: 2, required: true });
    const create = make('form', { id: 'create', class: 'row', onsubmit: (event) => {
      event.preventDefault();
      void tools.attempt(() => client.call('breakout.create', { max_rooms: Number(count.value) }));
    } }, make('label', { for: 'room-count', text: text.count }), count, make('button', { type: 'submit', text: text.create }));
    this.gather = button(text.gather, () => void tools.attempt(() => client.call('breakout.clear_all')), { id: 'gather' });
    parent.append(this.list, make('div', { class: 'manage' }, create, this.gather));
  }

  /** Empties the panel. */
  close() {
    this.parent.replaceChildren();
  }

  /** Brings the list in line with the model. */
  render() {
    const { client } = this;
    this.parent.classList.toggle('no-manage', !MANAGERS.has(client.role));
    for (const id of this.#selected) if (!client.participants.has(id)) this.#selected.delete(id);
    for (const id of this.#people.keys()) if (!client.participants.has(id)) this.#people.delete(id);
    this.gather.disabled = !client.rooms.some((room) => room.id !== 'main' && room.participants.length > 0);
    arrange(this.list, client.rooms.map((room) => this.#room(room)));
  }

  /** @param {string} id */
  section(id) {
    const title = make('h2');
    const count = make('span', { class: 'count' });
    const go = button('', () => void this.#go(id), { class: 'go small' });
    const list = make('ul');
    const bring = button('', () => void this.#bring(id), { class: 'bring' });
    const head = make('div', { class: 'room-head' }, title, count, go);
    const element = make('section', { class: 'room', 'data-room': id }, head, list, bring);
    return { element, title, count, go, list, bring };
  }

  /** @param {Room} room */
  #room(room) {
    const { client, tools: { strings: { rooms: text } } } = this;
    const section = this.#sections.get(room.id) ?? this.section(room.id);
    this.#sections.set(room.id, section);
    const here = client.room === room.id;
    section.element.classList.toggle('here', here);
    setText(section.title, room.name);
    setText(section.count, String(room.participants.length));
    section.go.hidden = here || (room.id !== 'main' && !MANAGERS.has(client.role));
    setText(section.go, room.id === 'main' ? text.back : text.go);
    const people = room.participants.filter((id) => client.participants.has(id));
    arrange(section.list, people.map((id) => this.#person(id)));
    const coming = [...this.#selected].filter((id) => !room.participants.includes(id));
    section.bring.hidden = coming.length === 0;
    setText(section.bring, text.bring(coming.length, room.name));
    return section.element;
  }

  /** @param {string} id */
  item(id) {
    const box = make('input', { type: 'checkbox', onchange: () => {
      if (box.checked) this.#selected.add(id);
      else this.#selected.delete(id);
      this.render();
    } });
    const name = make('span', { class: 'person-name' });
    return { element: make('li', { 'data-participant': id }, make('label', {}, box, name)), box, name };
  }

  /** @param {string} id */
  #person(id) {
    const { client, tools: { strings: { rooms: text } } } = this;
    const item = this.#people.get(id) ?? this.item(id);
    this.#people.set(id, item);
    const person = client.participants.get(id);
    const name = person?.name || id;
    setText(item.name, id === client.id ? text.own(name) : name);
    item.element.classList.toggle('speaking', client.speaking.includes(id));
    item.box.checked = this.#selected.has(id);
    return item.element;
  }

  /** @param {string} room */
  #go(room) {
    const { client } = this;
    return this.tools.attempt(() => (room === 'main'
      ? client.call('breakout.leave')
      : client.call('breakout.move', { clients: [client.id], room_id: room })));
  }

  /** @param {string} room */
  async #bring(room) {
    const clients = [...this.#selected].filter((id) => this.client.participants.get(id)?.room !== room);
    if (!await this.tools.attempt(() => this.client.call('breakout.move', { clients, room_id: room }))) return;
    this.#selected.clear();
    this.render();
  }
}
