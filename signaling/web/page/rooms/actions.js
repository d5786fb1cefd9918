/** What a host does with rooms and people: each a command to the server. */

import { Commands, MAIN } from './commands.js';
import { closeDialog, messageDialog, moveDialog, timerDialog } from './dialogs.js';
import { openMenu } from './menu.js';
import { texts } from './strings.js';

/** @typedef {import('./commands.js').Client} Client */
/** @typedef {import('./commands.js').Tools} Tools */
/** @typedef {import('./places.js').Places} Places */

export class Actions extends Commands {
  /** @type {(id: string) => void} */ listen = () => {};
  /** @type {(people: string[]) => void} */ select = () => {};

  /** @param {Client} client @param {Places} places @param {Tools} tools @param {() => void} render */
  constructor(client, places, tools, render) {
    super(client, tools, render);
    this.places = places;
  }

  /** @param {string[]} people */
  namesOf(people) {
    const [one = ''] = people;
    return people.length === 1 ? this.nameOf(one) : texts.people(people.length);
  }

  /** @param {string} id of a room */
  roomName(id) {
    if (id === MAIN) return this.places.open ? texts.main : texts.unassigned;
    return this.places.get(id)?.name ?? id;
  }

  /**
   * A command on the whole plan, refused if the plan is no longer the one that was looked at.
   * @param {string} method
   * @param {object} params
   * @param {number} revision
   * @param {string} [said]
   */
  whole(method, params, revision, said) {
    return this.run(() => this.client.call(method, { ...params, revision }), said);
  }

  /** People to a room or back: in a draft they are assigned, later they go.
   * @param {string[]} people @param {string} room */
  move(people, room) {
    const { client, places } = this;
    const said = texts.said.moved(this.namesOf(people), this.roomName(room));
    if (places.open) return this.run(() => client.breakout.move(people, room), said);
    if (room !== MAIN) return this.run(() => client.breakout.assign(people, room), said);
    const inside = people.filter((id) => (client.participants.get(id)?.room ?? MAIN) !== MAIN);
    return this.run(async () => {
      await client.breakout.unassign(people);
      if (inside.length > 0) await client.breakout.move(inside, MAIN);
    }, said);
  }

  /** @param {string} one @param {string} other */
  exchange(one, other) {
    const said = texts.said.exchanged(this.nameOf(one), this.nameOf(other));
    return this.run(() => this.client.breakout.exchange(one, other), said);
  }

  /** Asks where to. @param {string[]} people @returns {Promise<boolean>} */
  async moveDialog(people) {
    const to = await moveDialog(this, people);
    if (!to) return false;
    if (!to.ask) return this.move(people, to.room);
    const said = texts.said.asked(this.namesOf(people), this.roomName(to.room));
    return this.run(() => this.client.breakout.invite(people, to.room), said);
  }

  /** A list of rooms and people. Few have one: what reads it is fetched then. */
  importList() {
    return this.tools.attempt(async () => {
      const { importDialog } = await import('./import.js');
      await importDialog(this);
    });
  }

  /** @param {string} room @param {string} name */
  rename(room, name) {
    return this.run(() => this.client.breakout.rename(room, name), texts.said.renamed(name));
  }

  /** Goes to those who ask for help. @param {string} room */
  answer(room) {
    return this.run(async () => {
      if (this.client.room !== room) await this.client.breakout.join(room);
      await this.client.resetHelp(room);
    });
  }

  /** @param {string[]} [rooms] chosen already */
  async message(rooms) {
    const message = await messageDialog(this, rooms);
    if (!message) return;
    if (await this.run(() => this.client.broadcast(message.text, message.rooms))) this.tools.toast(texts.message.sent);
  }

  /** A time limit for a room, or for all. @param {string} [room] */
  async timer(room) {
    const minutes = await timerDialog(this, room);
    if (minutes) await this.extend(minutes, room);
  }

  /** @param {number} minutes @param {string} [room] */
  extend(minutes, room) {
    return this.run(() => this.client.breakout.extend(minutes * 60, room), texts.live.extended(minutes));
  }

  /** @param {string} room */
  async remove(room) {
    const place = this.places.get(room);
    if (!place) return;
    if (place.people.length + place.away > 0 && !await closeDialog(this, place)) return;
    await this.run(() => this.client.breakout.delete(room));
  }

  /** @param {HTMLElement} anchor @param {string} room @param {() => void} rename */
  cardMenu(anchor, room, rename) {
    const place = this.places.get(room);
    if (!place) return;
    const { card } = texts;
    const { open } = this.places;
    const full = place.people.length > 0;
    openMenu(anchor, [
      { label: card.renameMenu, run: rename },
      full && { label: card.selectAll, run: () => this.select(place.people) },
      open && this.client.can('breakout.broadcast') && { label: card.message, run: () => void this.message([room]) },
      open && { label: card.time, run: () => void this.timer(room) },
      open && full && { label: card.back, run: () => void this.move(place.people, MAIN) },
      { label: open ? card.close : card.remove, run: () => void this.remove(room), danger: true },
    ]);
  }
}
