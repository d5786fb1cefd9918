/**
 * The list of rooms with the people in them; selecting people and moving them.
 *
 * Names come from strangers: they only ever become text nodes.
 */

/** @typedef {import('./client/client.js').Ringfence} Ringfence */
/** @typedef {import('./client/client.js').Room} Room */

/** Roles that may create rooms and move people. Whatever is shown, the server decides. */
const MANAGERS = new Set(['host', 'co-host', 'moderator']);

/** @param {Element | DocumentFragment} parent @param {string} selector */
const find = (parent, selector) => /** @type {HTMLElement} */ (parent.querySelector(selector));

/**
 * Puts `child` at `index`, touching the tree only if it is elsewhere: focus survives.
 * @param {Element} parent
 * @param {Element} child
 * @param {number} index
 */
function putAt(parent, child, index) {
  const there = parent.children[index] ?? null;
  if (there !== child) parent.insertBefore(child, there);
}

export class Rooms {
  /** @type {Map<string, HTMLElement>} */ #sections = new Map();
  /** @type {Map<string, HTMLElement>} */ #people = new Map();
  /** @type {Set<string>} */ #selected = new Set();

  /**
   * @param {HTMLElement} panel
   * @param {Ringfence} client
   * @param {(work: () => Promise<void>) => Promise<void>} attempt runs a command and tells people if it was refused
   */
  constructor(panel, client, attempt) {
    this.panel = panel;
    this.list = find(panel, '#rooms');
    this.client = client;
    this.attempt = attempt;
  }

  /** Empties the list. */
  close() {
    this.list.replaceChildren();
  }

  /** Brings the list in line with the model. */
  render() {
    const { client } = this;
    this.panel.classList.toggle('no-manage', !MANAGERS.has(client.role));
    for (const id of this.#selected) if (!client.participants.has(id)) this.#selected.delete(id);
    const roomIds = new Set(client.rooms.map((room) => room.id));
    for (const [id, section] of this.#sections) {
      if (roomIds.has(id)) continue;
      section.remove();
      this.#sections.delete(id);
    }
    for (const [id, item] of this.#people) {
      if (client.participants.has(id)) continue;
      item.remove();
      this.#people.delete(id);
    }
    const away = client.rooms.some((room) => room.id !== 'main' && room.participants.length > 0);
    /** @type {HTMLButtonElement} */ (find(this.panel, '#gather')).disabled = !away;
    client.rooms.forEach((room, index) => putAt(this.list, this.#room(room), index));
  }

  /** @param {Room} room */
  #room(room) {
    const { client } = this;
    let section = this.#sections.get(room.id);
    if (!section) {
      const template = /** @type {HTMLTemplateElement} */ (document.getElementById('room-template'));
      section = find(/** @type {DocumentFragment} */ (template.content.cloneNode(true)), '.room');
      section.dataset.room = room.id;
      find(section, '.go').addEventListener('click', () => this.#go(room.id));
      find(section, '.bring').addEventListener('click', () => this.#bring(room.id));
      this.#sections.set(room.id, section);
    }
    const here = client.room === room.id;
    section.classList.toggle('here', here);
    find(section, 'h2').textContent = room.name;
    find(section, '.count').textContent = String(room.participants.length);
    const go = find(section, '.go');
    go.hidden = here || (room.id !== 'main' && !MANAGERS.has(client.role));
    go.textContent = room.id === 'main' ? 'Go back' : 'Go here';
    go.setAttribute('aria-label', `${go.textContent}: ${room.name}`);
    const list = find(section, 'ul');
    const people = room.participants.filter((id) => client.participants.has(id));
    people.forEach((id, index) => putAt(list, this.#person(id), index));
    const bring = find(section, '.bring');
    const coming = [...this.#selected].filter((id) => !room.participants.includes(id));
    bring.hidden = coming.length === 0;
    bring.textContent = `Move ${coming.length} to ${room.name}`;
    return section;
  }

  /** @param {string} id */
  #person(id) {
    const { client } = this;
    let item = this.#people.get(id);
    if (!item) {
      const template = /** @type {HTMLTemplateElement} */ (document.getElementById('person-template'));
      item = find(/** @type {DocumentFragment} */ (template.content.cloneNode(true)), 'li');
      item.dataset.participant = id;
      const box = /** @type {HTMLInputElement} */ (find(item, 'input'));
      box.addEventListener('change', () => {
        if (box.checked) this.#selected.add(id);
        else this.#selected.delete(id);
        this.render();
      });
      this.#people.set(id, item);
    }
    const person = client.participants.get(id);
    const name = person?.name || id;
    find(item, '.person-name').textContent = id === client.id ? `${name} (you)` : name;
    item.classList.toggle('muted', person?.muted?.audio ?? false);
    item.classList.toggle('speaking', client.speaking.includes(id));
    /** @type {HTMLInputElement} */ (find(item, 'input')).checked = this.#selected.has(id);
    return item;
  }

  /** @param {string} room */
  #go(room) {
    const { client } = this;
    return this.attempt(() => (room === 'main' ? client.breakout.leave() : client.breakout.move([client.id], room)));
  }

  /** @param {string} room */
  #bring(room) {
    const clients = [...this.#selected].filter((id) => this.client.participants.get(id)?.room !== room);
    return this.attempt(async () => {
      await this.client.breakout.move(clients, room);
      this.#selected.clear();
      this.render();
    });
  }
}
