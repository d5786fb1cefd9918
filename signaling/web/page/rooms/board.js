/**
 * The board: places as cards, people in them, the selection, and the two ways to move: drag and keyboard.
 */

import { loudness } from '../devices.js';
import { arrange, button, make, setAttribute, setText } from '../elements.js';
import { Card } from './card.js';
import { Drag } from './drag.js';
import { watchNear } from './list.js';
import { MAIN } from './commands.js';
import { texts } from './strings.js';

/** @typedef {import('./places.js').Places} Places */
/** @typedef {import('./actions.js').Actions} Actions */
/** @typedef {import('./monitor.js').Monitor} Monitor */

export class Board {
  /** @type {Map<string, Card>} */ cards = new Map();
  /** @type {Set<string>} */ selected = new Set();
  /** @type {Set<string>} */ #speaking = new Set();
  #filter = '';
  /** Where a range of rows began. */ #anchor = '';

  /**
   * @param {HTMLElement} scroller
   * @param {import('./commands.js').Client} client
   * @param {Places} places
   * @param {Actions} actions
   * @param {Monitor} monitor
   */
  constructor(scroller, client, places, actions, monitor) {
    this.client = client;
    this.places = places;
    this.actions = actions;
    this.monitor = monitor;
    this.watch = watchNear(scroller);
    this.search = make('input', {
      type: 'search', class: 'board-search', placeholder: texts.find, 'aria-label': texts.find,
      oninput: () => this.filter(this.search.value),
    });
    this.none = make('p', { class: 'board-none', role: 'status' });
    this.grid = make('div', { class: 'board-grid' });
    this.top = make('div', { class: 'row' }, this.search);
    this.main = make('div', { class: 'board-main' });
    this.body = make('div', { class: 'board-body' }, this.main, this.grid);
    this.element = make('div', { class: 'board' }, this.top, this.none, this.body,
      make('p', { class: 'unseen', id: 'board-keys', text: texts.keys }));
    this.bar = this.#makeBar();
    this.drag = new Drag(this.body, scroller, {
      lift: (person) => {
        const people = this.selected.has(person) ? [...this.selected] : [person];
        actions.say(texts.said.lifted(people.length));
        return { people, label: people.length === 1 ? actions.nameOf(person) : texts.people(people.length) };
      },
      drop: (people, place) => this.#drop(people, place),
      cancel: () => actions.say(texts.said.dropped),
    });
    this.body.addEventListener('click', (event) => this.#clicked(event));
    this.body.addEventListener('keydown', (event) => this.#pressed(event));
  }

  /** What one does with those who are selected. */
  #makeBar() {
    this.chosen = make('span', { class: 'bar-count' });
    const { selection } = texts;
    this.moveButton = button(selection.move, () => void this.#moveDialog(), { class: 'primary small' });
    this.exchangeButton = button(selection.exchange, () => this.#exchange(), { class: 'small' });
    this.backButton = button(selection.back, () => this.#drop([...this.selected], MAIN), { class: 'small' });
    const clear = button(selection.clear, () => this.clear(), { class: 'small plain', icon: 'close' });
    return make('div', { class: 'selection-bar', role: 'toolbar', 'aria-label': selection.label, hidden: true },
      this.chosen, clear, make('div', { class: 'bar-buttons' }, this.moveButton, this.exchangeButton, this.backButton));
  }

  render() {
    const { client, places } = this;
    for (const id of this.selected) if (!client.participants.has(id)) this.selected.delete(id);
    this.#speaking = new Set(client.speaking);
    const ids = new Set(places.list.map((place) => place.id));
    for (const [id, card] of this.cards) {
      if (ids.has(id)) continue;
      this.monitor.watch.unobserve(card.element);
      card.close();
      this.cards.delete(id);
    }
    const elements = places.list.map((place) => {
      let card = this.cards.get(place.id);
      if (!card) this.cards.set(place.id, card = this.#makeCard(place.id));
      card.render(place, {
        open: places.open,
        here: places.open && client.room === place.id,
        filtered: this.#filter !== '' && !this.#matches(place),
        heard: places.open && this.monitor.hears(place.id),
        muted: place.people.filter((id) => client.participants.get(id)?.muted.audio).length,
        monitor: { on: this.monitor.on, listening: this.monitor.listening === place.id },
      });
      return card.element;
    });
    arrange(this.main, elements.splice(0, 1));
    arrange(this.grid, elements);
    setAttribute(this.element, 'hidden', places.rooms.length === 0);
    this.#renderBar();
  }

  #renderBar() {
    const { size } = this.selected;
    const { selection } = texts;
    setAttribute(this.bar, 'hidden', size === 0);
    if (size === 0 || !this.chosen) return;
    setText(this.chosen, selection.selected(size));
    if (this.moveButton) setText(this.moveButton, this.places.open ? selection.move : selection.assign);
    if (this.backButton) {
      setText(this.backButton, this.places.open ? selection.back : selection.unassign);
      setAttribute(this.backButton, 'hidden', [...this.selected].every((id) => this.places.of(id) === MAIN));
    }
    if (this.exchangeButton) this.exchangeButton.hidden = size !== 2;
  }

  /** @param {string} id */
  #makeCard(id) {
    const card = new Card(id, this.actions, { face: (person) => this.#face(person), watch: this.watch });
    card.list.element.setAttribute('aria-describedby', 'board-keys');
    if (id !== MAIN) this.monitor.watch.observe(card.element);
    return card;
  }

  /** @param {string} id */
  #face(id) {
    const { client, places } = this;
    const person = client.participants.get(id);
    const stands = places.of(id);
    const manages = id === client.id;
    const tags = [];
    if (manages) tags.push(texts.you);
    if (person?.role && person.role !== 'guest' && person.role !== 'participant') tags.push(person.role);
    if (places.open && stands === MAIN && !tags.length && !places.isAway(id)) tags.push(texts.notAssigned);
    if (!places.open && person?.room && person.room !== MAIN && person.room !== stands) {
      tags.push(texts.inRoom(places.get(person.room)?.name ?? person.room));
    }
    return {
      name: person?.name || id, tag: tags.join(', '), muted: person?.muted?.audio ?? false,
      speaking: this.#speaking.has(id), selected: this.selected.has(id),
    };
  }

  /** Shows only rooms of this name, or with somebody of this name. @param {string} text */
  filter(text) {
    this.#filter = text.trim().toLocaleLowerCase();
    this.render();
    const shown = this.places.list.filter((place) => this.#matches(place)).length;
    setText(this.none, this.#filter === '' ? '' : shown ? texts.found(shown) : texts.noMatch(text.trim()));
  }

  /** @param {import('./places.js').Place} place */
  #matches(place) {
    const has = (/** @type {string} */ text) => text.toLocaleLowerCase().includes(this.#filter);
    return has(place.name) || place.people.some((id) => has(this.actions.nameOf(id)));
  }

  /** @param {string[]} people @param {string} place */
  #drop(people, place) {
    const elsewhere = people.filter((id) => this.places.of(id) !== place);
    if (elsewhere.length === 0) return;
    void this.actions.move(elsewhere, place).then((done) => done && this.clear());
  }

  #exchange() {
    const [one, other] = [...this.selected];
    if (this.selected.size !== 2 || !one || !other) this.actions.say(texts.selection.exchangeHow);
    else void this.actions.exchange(one, other).then((done) => done && this.clear());
  }

  async #moveDialog() {
    const people = [...this.selected];
    if (people.length > 0 && await this.actions.moveDialog(people)) this.clear();
  }

  clear() {
    this.selected.clear();
    this.render();
  }

  /** @param {string[]} people */
  select(people) {
    for (const id of people) this.selected.add(id);
    this.actions.say(texts.selection.selected(this.selected.size));
    this.render();
  }

  /** @param {string} id @param {boolean} [on] */
  #toggle(id, on = !this.selected.has(id)) {
    if (on) this.selected.add(id);
    else this.selected.delete(id);
    this.#anchor = id;
    const words = on ? texts.said.selected : texts.said.deselected;
    this.actions.say(words(this.actions.nameOf(id), this.selected.size));
  }

  /** Selects all between where the range began and here. @param {Card} card @param {string} id */
  #range(card, id) {
    const { people } = card.list;
    const [from, to] = [people.indexOf(this.#anchor), people.indexOf(id)];
    if (from < 0) this.#toggle(id, true);
    else this.select(people.slice(Math.min(from, to), Math.max(from, to) + 1));
  }

  /** @param {Event} event @returns {Card | undefined} */
  #cardOf(event) {
    const list = /** @type {Element} */ (event.target).closest('[data-list]');
    return list instanceof HTMLElement ? this.cards.get(list.dataset.list ?? '') : undefined;
  }

  /** @param {MouseEvent} event */
  #clicked(event) {
    const row = /** @type {Element} */ (event.target).closest('[data-participant]');
    const card = this.#cardOf(event);
    const id = row instanceof HTMLElement ? row.dataset.participant : undefined;
    if (!card || !id) return;
    card.list.goTo(id);
    if (event.shiftKey) this.#range(card, id);
    else this.#toggle(id);
    this.render();
  }

  /** @param {KeyboardEvent} event */
  #pressed(event) {
    const card = this.#cardOf(event);
    const { active } = card?.list ?? {};
    if (!card || active === undefined || event.altKey) return;
    const { list } = card;
    const command = event.ctrlKey || event.metaKey;
    const keys = {
      ArrowDown: () => list.step(1),
      ArrowUp: () => list.step(-1),
      Home: () => list.go(0),
      End: () => list.go(list.people.length - 1),
      ArrowRight: () => this.#neighbour(card, 1),
      ArrowLeft: () => this.#neighbour(card, -1),
      ' ': () => this.#toggle(active),
      Enter: () => {
        if (this.selected.size === 0) this.#toggle(active);
        void this.#moveDialog();
      },
      Escape: () => this.clear(),
      x: () => this.#exchange(),
      a: () => this.select(list.people),
    };
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    if (command !== (key === 'a') || !Object.hasOwn(keys, key)) return;
    event.preventDefault();
    event.stopPropagation(); // letters are the page's shortcuts, too
    const before = active;
    keys[/** @type {keyof typeof keys} */ (key)]();
    if (event.shiftKey && (key === 'ArrowDown' || key === 'ArrowUp') && list.active) {
      this.#toggle(before, true);
      this.#toggle(list.active, true);
    }
    this.render();
  }

  /** To the next place with people. @param {Card} from @param {1 | -1} by */
  #neighbour(from, by) {
    const { list } = this.places;
    let at = list.findIndex((place) => place.id === from.place?.id) + by;
    for (; list[at]; at += by) {
      const card = this.cards.get(list[at]?.id ?? '');
      if (!card || card.element.hidden || card.list.people.length === 0) continue;
      card.list.element.focus();
      card.list.go(0);
      return;
    }
  }

  /** Some ten times a second: how loudly people speak who are heard from here. */
  listen() {
    if (!this.places.open || !this.element.checkVisibility()) return;
    const levels = this.client.levels();
    const drawn = (/** @type {string} */ id) => loudness((levels.get(id) ?? 0) ** 2);
    for (const card of this.cards.values()) if (!card.level.hidden) card.hear(drawn);
  }

  /** Once a second, while there are times. */
  tick() {
    for (const card of this.cards.values()) if (card.place?.endsAt) card.tick();
  }

  close() {
    this.drag.close();
    for (const card of this.cards.values()) card.close();
    this.watch.disconnect();
    this.element.remove();
    this.bar.remove();
  }
}
