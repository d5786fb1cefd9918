/** One place on the board: its name, how many, what is to be known of it, and its people. */

import { button, make, setAttribute, setText } from '../elements.js';
import { PeopleList, drawLevel } from './list.js';
import { MAIN } from './commands.js';
import { texts } from './strings.js';
import { clock, secondsTo } from './timing.js';

/** @typedef {import('./places.js').Place} Place */
/** @typedef {import('./actions.js').Actions} Actions */
/** @typedef {{ open: boolean, here: boolean, filtered: boolean, heard: boolean, muted: number,
 *   monitor: { on: boolean, listening: boolean } }} Situation `muted`: how many of its people are */

const NAME_MAX = 64;
let titleNumber = 0;

export class Card {
  #shown = '';
  /** @type {Place | null} */ #place = null;
  /** @type {string} */ #time = '';
  /** What is known of who speaks where nobody is heard. */ #unheard = '';

  /**
   * @param {string} id
   * @param {Actions} actions
   * @param {ConstructorParameters<typeof PeopleList>[1]} board
   */
  constructor(id, actions, board) {
    const title = `room-title-${titleNumber += 1}`;
    this.actions = actions;
    this.list = new PeopleList(id, board);
    this.list.element.setAttribute('aria-labelledby', title);
    this.name = id === MAIN
      ? make('span', { class: 'room-name', id: title })
      : button('', () => this.rename(), { class: 'room-name', id: title });
    this.count = make('span', { class: 'room-count' });
    this.listen = button('', () => actions.listen(id), { class: 'small plain', icon: 'speaker', hidden: true });
    this.visit = button('', () => actions.visit(id), { class: 'small wide room-visit' });
    this.more = button('', () => actions.cardMenu(this.more, id, () => this.rename()),
      { class: 'small plain room-more', icon: 'more', 'aria-haspopup': 'menu', hidden: id === MAIN });
    this.help = make('p', { class: 'room-help', hidden: true }, make('strong', { text: texts.card.help }),
      button(texts.card.answer, () => actions.answer(id), { class: 'small primary' }),
      button(texts.card.dismiss, () => actions.dismissHelp(id), { class: 'small' }));
    this.line = make('p', { class: 'room-line' });
    this.level = make('div', { class: 'meter room-level', 'aria-hidden': 'true', hidden: true }, make('i'));
    this.thumbnails = make('div', { class: 'thumbnails', hidden: true });
    this.empty = make('p', { class: 'room-empty', text: texts.nobody });
    this.element = make('section', { class: id === MAIN ? 'room-card main' : 'room-card',
      'data-place': id, 'aria-labelledby': title },
      make('div', { class: 'room-head' }, make('h3', {}, this.name), this.count, this.listen, this.visit, this.more),
      this.level, this.help, this.line, this.thumbnails, this.list.element, this.empty);
  }

  get place() {
    return this.#place;
  }

  /** Touches nothing where nothing changed. @param {Place} place @param {Situation} now */
  render(place, now) {
    this.#place = place;
    this.list.render(place.people);
    const { people, away, expected, capacity, help, closed, endsAt, name } = place;
    const shown = [name, people.length, away, expected, capacity, help, closed, endsAt,
      ...Object.values(now), ...Object.values(now.monitor)].join('\n');
    if (shown === this.#shown) return;
    this.#shown = shown;
    this.element.style.setProperty('--people', String(people.length)); // how high it is while it is not drawn
    const main = place.id === MAIN;
    const label = main ? (now.open ? texts.main : texts.unassigned) : name;
    setText(this.name, label);
    if (!main) setAttribute(this.name, 'title', texts.card.rename(name));
    setText(this.count, capacity === null ? String(people.length) : `${people.length}/${capacity}`);
    setAttribute(this.count, 'title', texts.count(people.length, capacity));
    this.count.classList.toggle('full', capacity !== null && people.length >= capacity);
    setAttribute(this.element, 'hidden', now.filtered);
    this.element.classList.toggle('here', now.here);
    this.element.classList.toggle('asks', help);
    setAttribute(this.help, 'hidden', !help);
    setAttribute(this.empty, 'hidden', people.length > 0);
    setAttribute(this.visit, 'hidden', !now.open || (main && now.here));
    setText(this.visit, main || now.here ? texts.card.leave : texts.card.visit);
    setAttribute(this.visit, 'aria-label', now.here || main ? null : texts.card.visitRoom(label));
    setAttribute(this.more, 'aria-label', texts.card.menu(label));
    setAttribute(this.more, 'title', texts.card.menu(label));
    setAttribute(this.listen, 'hidden', !now.monitor.on || main || now.here);
    setAttribute(this.listen, 'aria-pressed', now.monitor.listening);
    setAttribute(this.listen, 'aria-label', texts.monitor.listen(label));
    setAttribute(this.listen, 'title', texts.monitor.listen(label));
    // Nobody hears themselves.
    setAttribute(this.level, 'hidden', !now.heard || people.length <= Number(now.here));
    if (!now.heard) this.hear(() => 0);
    const unheard = now.open && !now.heard && people.length > 0;
    this.#unheard = !unheard ? '' : [now.monitor.on && texts.monitor.unheard,
      now.muted > 0 && texts.monitor.muted(now.muted, people.length)].filter(Boolean).join(' · ');
    this.#time = '';
    this.tick(now.here);
  }

  /** The line below the name, with the time. @param {boolean} [here] */
  tick(here = this.element.classList.contains('here')) {
    const place = this.#place;
    if (!place) return;
    const time = place.endsAt === null ? '' : texts.left(clock(secondsTo(place.endsAt)));
    if (time === this.#time && time !== '') return;
    this.#time = time;
    const over = place.closed && texts.card.over;
    const parts = [here && place.id !== MAIN && texts.card.here, over, time, place.away > 0 && texts.away(place.away),
      place.expected > 0 && texts.expected(place.expected), this.#unheard];
    const text = parts.filter(Boolean).join(' · ');
    setText(this.line, text);
    setAttribute(this.line, 'hidden', text === '');
  }

  /** Draws how loud the people are, and in the head the loudest of them. @param {(person: string) => number} level */
  hear(level) {
    this.list.listen(level);
    drawLevel(this.level, Math.max(0, ...this.list.people.map(level)));
  }

  /** The name becomes a field: Enter keeps what was typed, Escape what was there. */
  rename() {
    const before = this.#place?.name ?? '';
    if (!this.name.isConnected) return;
    const field = make('input', { class: 'room-rename', 'aria-label': texts.card.nameField, maxlength: NAME_MAX });
    field.value = before;
    let done = false;
    /** @param {boolean} keep @param {boolean} focus */
    const finish = (keep, focus) => {
      if (done) return;
      done = true;
      field.replaceWith(this.name);
      if (focus) this.name.focus();
      const name = field.value.trim();
      if (keep && name && name !== before) this.actions.rename(this.element.dataset.place ?? '', name);
    };
    field.addEventListener('keydown', (event) => {
      event.stopPropagation();
      if (event.key !== 'Enter' && event.key !== 'Escape') return;
      event.preventDefault(); // else Enter presses the button that the focus goes to
      finish(event.key === 'Enter', true);
    });
    field.addEventListener('blur', () => finish(true, false));
    this.name.replaceWith(field);
    field.select();
    field.focus();
  }

  close() {
    this.list.close();
    this.element.remove();
  }
}
