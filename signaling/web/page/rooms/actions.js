/**
 * What a host does with rooms and people: each a command to the server, what is said when it is done, and
 * what is told when it is refused. Nothing is changed here: the model is the server's.
 */

import { make } from '../elements.js';
import { closeDialog, messageDialog, moveDialog, timerDialog } from './dialogs.js';
import { openMenu } from './menu.js';
import { MAIN } from './places.js';
import { texts } from './strings.js';

/** @typedef {import('./places.js').Client} Client */
/** @typedef {import('./places.js').Places} Places */
/**
 * @typedef {object} Tools what the page lends
 * @property {(work: () => Promise<unknown>) => Promise<boolean>} attempt runs a command, tells if it was refused, and
 * says whether it was done
 * @property {(text: string, kind?: 'info' | 'error') => void} toast
 * @property {typeof import('../dialog.js').dialog} dialog
 * @property {import('../views.js').Views} views
 */

/** The plan was changed since the revision that the command named. */
const STALE = -32_012;

export class Actions {
  /** @type {(id: string) => void} */ listen = () => {};
  /** @type {(people: string[]) => void} */ select = () => {};

  /** @param {Client} client @param {Places} places @param {Tools} tools @param {() => void} render */
  constructor(client, places, tools, render) {
    this.client = client;
    this.places = places;
    this.tools = tools;
    this.render = render;
    /** Speaks to screen readers. */
    this.live = make('p', { class: 'unseen', role: 'status', 'aria-live': 'polite' });
  }

  /** @param {string} text */
  say(text) {
    this.live.textContent = text;
  }

  /** @param {string} id */
  nameOf(id) {
    return this.client.participants.get(id)?.name || id;
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
   * Runs a command. Whoever was overtaken by another host is told so, and sees the plan as it is now.
   * @param {() => Promise<unknown>} work
   * @param {string} [said] when it is done
   * @returns {Promise<boolean>} whether it was done
   */
  async run(work, said) {
    const done = await this.tools.attempt(async () => {
      try {
        await work();
      } catch (error) {
        this.render();
        const stale = error instanceof Error && 'code' in error && error.code === STALE;
        throw stale ? new Error(texts.conflict) : error;
      }
    });
    if (done && said) this.say(said);
    return done;
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

  /** People to a room or back: in a draft they are assigned, later they go. @param {string[]} people @param {string} room */
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

  /** @param {string} room @param {string} name */
  rename(room, name) {
    return this.run(() => this.client.breakout.rename(room, name), texts.said.renamed(name));
  }

  /** There, or back if one is there. @param {string} room */
  visit(room) {
    const { client } = this;
    const back = room === MAIN || client.room === room;
    return this.run(() => (back ? client.breakout.leave() : client.breakout.join(room)));
  }

  /** Goes to those who ask for help. @param {string} room */
  answer(room) {
    return this.run(async () => {
      if (this.client.room !== room) await this.client.breakout.join(room);
      await this.client.resetHelp(room);
    });
  }

  /** @param {string} room */
  dismissHelp(room) {
    return this.run(() => this.client.resetHelp(room));
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
