/** What people see of rooms who do not manage them: where they are, where they may go, and how to get help. */

import { arrange, button, make, setAttribute, setText } from '../elements.js';
import { strings } from '../strings.js';
import { MAIN } from './commands.js';
import { clock, secondsTo } from './timing.js';

/** @typedef {import('./commands.js').Commands} Commands */
/** @typedef {import('../../client/client.js').Room} Room */
/** @typedef {{ element: HTMLElement, shown: string, update: (room: Room) => void }} Line */

export class GuestView {
  /** @type {Map<string, Line>} */ #lines = new Map();

  /** @param {Commands} actions */
  constructor(actions) {
    const { rooms: text } = strings;
    this.actions = actions;
    this.room = make('strong');
    this.time = make('span', { class: 'session-clock', role: 'timer', hidden: true });
    this.back = button(text.return, () => void actions.visit(MAIN), { class: 'primary' });
    this.ask = button(text.help, () => void actions.run(() => actions.client.askForHelp()));
    this.asked = make('p', { class: 'guest-asked', role: 'status' });
    this.none = make('p', { class: 'quiet', text: text.none });
    this.list = make('ul', { class: 'guest-rooms' });
    this.element = make('div', { class: 'guest' },
      make('div', { class: 'session' }, make('div', { class: 'session-head' },
        make('p', { class: 'session-summary' }, make('span', { class: 'quiet', text: text.lead }), this.room), this.time),
      make('div', { class: 'session-buttons' }, this.back, this.ask), this.asked), this.none, this.list);
  }

  render() {
    const { client } = this.actions;
    const { rooms: text } = strings;
    const inside = client.room !== MAIN;
    const here = client.rooms.find((room) => room.id === client.room);
    setText(this.room, inside ? here?.name ?? client.room : strings.rooms.main);
    setAttribute(this.back, 'hidden', !inside || !client.can('breakout.parent'));
    const asked = client.help.has(client.room);
    setAttribute(this.ask, 'hidden', !inside || asked);
    setText(this.asked, inside && asked ? text.helpAsked : '');
    const breakouts = client.rooms.filter((room) => room.id !== MAIN);
    setAttribute(this.none, 'hidden', breakouts.length > 0);
    const known = new Set(client.rooms.map((room) => room.id));
    for (const id of this.#lines.keys()) if (!known.has(id)) this.#lines.delete(id);
    arrange(this.list, breakouts.length === 0 ? [] : client.rooms.map((room) => {
      let line = this.#lines.get(room.id);
      if (!line) this.#lines.set(room.id, line = this.#makeLine(room.id));
      line.update(room);
      return line.element;
    }));
    this.tick();
  }

  /** @param {string} id @returns {Line} */
  #makeLine(id) {
    const { actions } = this;
    const { client } = actions;
    const name = make('strong');
    const who = make('span', { class: 'quiet guest-who' });
    const count = make('span', { class: 'room-count' });
    const help = make('span', { class: 'guest-help', text: strings.rooms.asksHelp, hidden: true });
    const go = button(strings.rooms.go, () => void actions.visit(id), { class: 'small wide' });
    const dismiss = button(strings.rooms.dismiss, () => void actions.dismissHelp(id), { class: 'small', hidden: true });
    const element = make('li', { class: 'guest-room', 'data-place': id },
      make('div', { class: 'guest-name' }, name, count, help, who), dismiss, go);
    /** @type {Line} */
    const line = { element, shown: '', update: (room) => {
      const here = client.room === id;
      const asks = client.can('help.answer') && (room.help || client.help.has(id));
      const may = !here && client.can(id === MAIN ? 'breakout.parent' : 'breakout.switch');
      const size = room.count ?? room.participants.length;
      const names = room.participants.slice(0, 5).map((one) => actions.nameOf(one)).join(', ');
      const shown = [room.name, size, names, here, asks, may].join('\n');
      if (shown === line.shown) return;
      line.shown = shown;
      setText(name, id === MAIN ? strings.rooms.main : room.name);
      setText(count, String(size));
      setAttribute(count, 'title', strings.rooms.people(size));
      setText(who, here ? strings.rooms.here : names);
      element.classList.toggle('here', here);
      setAttribute(help, 'hidden', !asks);
      setAttribute(dismiss, 'hidden', !asks);
      setAttribute(go, 'hidden', !may);
      setAttribute(go, 'aria-label', strings.rooms.goTo(id === MAIN ? strings.rooms.main : room.name));
    } };
    return line;
  }

  /** The time that is left where one is. */
  tick() {
    const { client } = this.actions;
    const own = client.rooms.find((room) => room.id === client.room)?.endsAt ?? null;
    const ends = client.room === MAIN ? null : own ?? client.timer?.endsAt ?? null;
    setAttribute(this.time, 'hidden', ends === null);
    if (ends !== null) setText(this.time, clock(secondsTo(ends)));
  }
}
