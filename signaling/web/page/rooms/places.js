/**
 * Where everybody is, in the order in which the board shows it: read off the library's model.
 *
 * While the plan is a draft a person stands where they are assigned, else where they are. A list that did
 * not change keeps its identity, so that whoever shows it sees at once that there is nothing to do.
 */

import { MAIN } from './commands.js';

/** @typedef {import('./commands.js').Client} Client */
/** @typedef {import('../../client/client.js').Room} Room */
/**
 * @typedef {object} Place
 * @property {string} id of the room; `main` first
 * @property {string} name
 * @property {string[]} people ids, by name
 * @property {number} away how many belong there and are elsewhere
 * @property {number} expected how many more a list names
 * @property {number | null} capacity
 * @property {boolean} help
 * @property {boolean} closed its time was over
 * @property {number | null} endsAt
 */

const byName = new Intl.Collator(undefined, { numeric: true, sensitivity: 'base' });

/** @param {string[]} one @param {string[]} other */
const same = (one, other) => one.length === other.length && one.every((id, at) => id === other[at]);

export class Places {
  /** The main room first. @type {Place[]} */ list = [];
  /** Whether breakouts are open. */ open = false;
  /** About to close. */ closing = false;
  /** How many belong to a breakout, here or not. */ assigned = 0;
  /** How many are inside a breakout. */ inside = 0;
  /** Where each person stands. @type {Map<string, string>} */ #of = new Map();
  /** Who belongs to a breakout and is not inside. @type {Set<string>} */ #away = new Set();
  /** As they came, and sorted. @type {Map<string, { raw: string[], sorted: string[] }>} */ #sorted = new Map();

  /** Where somebody stands on the board. @param {string} person */
  of(person) {
    return this.#of.get(person);
  }

  /** Whether somebody belongs elsewhere than where they are. @param {string} person */
  isAway(person) {
    return this.#away.has(person);
  }

  /** @param {string} id */
  get(id) {
    return this.list.find((place) => place.id === id);
  }

  /** Breakouts only. */
  get rooms() {
    return this.list.slice(1);
  }

  /** Reads the model anew. @param {Client} client */
  update(client) {
    this.open = client.plan.state !== 'draft';
    this.closing = client.timer?.closing ?? false;
    this.#of.clear();
    this.#away.clear();
    this.assigned = 0;
    this.inside = 0;
    const breakouts = client.rooms.filter((room) => room.id !== MAIN);
    if (!this.open) {
      for (const room of breakouts) {
        for (const id of room.assigned ?? []) if (client.participants.has(id)) this.#of.set(id, room.id);
      }
    }
    const main = client.rooms.find((room) => room.id === MAIN);
    const places = breakouts.map((room) => this.#place(room, client));
    // Everybody is in a room; whom no room names is in the main room.
    const rest = [...client.participants.keys()].filter((id) => !this.#of.has(id));
    for (const id of rest) this.#of.set(id, MAIN);
    const first = { id: MAIN, name: main?.name ?? '', away: 0, expected: 0, capacity: null, help: false, closed: false, endsAt: null };
    this.list = [{ ...first, people: this.#sort(MAIN, rest, client) }, ...places];
    if (this.#sorted.size <= this.list.length) return;
    const known = new Set(this.list.map((place) => place.id));
    for (const id of this.#sorted.keys()) if (!known.has(id)) this.#sorted.delete(id);
  }

  /** @param {Room} room @param {Client} client @returns {Place} */
  #place(room, client) {
    const assigned = room.assigned ?? [];
    for (const id of assigned) this.#away.add(id);
    const people = this.open ? [] : assigned.filter((id) => client.participants.has(id));
    for (const id of room.participants) {
      if (this.#of.has(id) || !client.participants.has(id)) continue;
      this.#of.set(id, room.id);
      people.push(id);
    }
    this.inside += room.participants.length;
    this.assigned += people.length + (this.open ? assigned.length : 0);
    const away = this.open ? assigned.length : assigned.filter((id) => !client.participants.has(id)).length;
    return {
      id: room.id, name: room.name, people: this.#sort(room.id, people, client), away, expected: room.expected ?? 0,
      capacity: room.capacity ?? null, help: room.help || client.help.has(room.id), closed: room.closed,
      endsAt: room.endsAt ?? null,
    };
  }

  /** @param {string} id @param {string[]} raw @param {Client} client */
  #sort(id, raw, client) {
    const before = this.#sorted.get(id);
    if (before && same(before.raw, raw)) return before.sorted;
    /** @param {string} one */
    const name = (one) => client.participants.get(one)?.name || one;
    const sorted = raw.map((one) => ({ one, name: name(one) })).sort((a, b) => byName.compare(a.name, b.name));
    const people = sorted.map(({ one }) => one);
    this.#sorted.set(id, { raw, sorted: people });
    return people;
  }
}
