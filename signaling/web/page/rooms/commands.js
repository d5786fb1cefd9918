/**
 * Commands that everybody may have, and how a command is run: what is said when it is done, and what is told
 * when it is refused. Nothing is changed here: the model is the server's.
 */

import { make } from '../elements.js';
import { strings } from '../strings.js';

export const MAIN = 'main';

/** @typedef {import('../../client/client.js').Ringfence} Client */
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

export class Commands {
  /** @param {Client} client @param {Tools} tools @param {() => void} render */
  constructor(client, tools, render) {
    this.client = client;
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
        throw stale ? new Error(strings.rooms.conflict) : error;
      }
    });
    if (done && said) this.say(said);
    return done;
  }

  /** There, or back if one is there. @param {string} room */
  visit(room) {
    const { client } = this;
    const back = room === MAIN || client.room === room;
    return this.run(() => (back ? client.breakout.leave() : client.breakout.join(room)));
  }

  /** @param {string} room */
  dismissHelp(room) {
    return this.run(() => this.client.resetHelp(room));
  }
}
