/**
 * Looking into rooms from elsewhere: small pictures of those whose cards are seen, and the sound of one.
 *
 * The relay sends what is asked for and nothing else: of rooms that are looked at pictures, of one the voices.
 */

import { make, setAttribute, setText } from '../elements.js';
import { MAIN } from './commands.js';

/** @typedef {import('./actions.js').Actions} Actions */
/** @typedef {import('./places.js').Place} Place */
/** @typedef {import('./card.js').Card} Card */
/** @typedef {{ element: HTMLElement, video: HTMLVideoElement, mid: string, detach: () => void }} Thumbnail */

const ROOMS_MAX = 12;
const EACH_MAX = 4;
const HEIGHT = 90;
const SETTLE_MS = 150;

export class Monitor {
  on = false;
  /** The room that is heard. */ listening = '';
  /** Ids of those that are looked at. @type {string[]} */ rooms = [];
  /** @type {Set<string>} */ #seen = new Set();
  /** By participant. @type {Map<string, Thumbnail>} */ #thumbnails = new Map();
  #timer = 0;
  #asking = false;

  /** @param {Actions} actions @param {Element} scroller */
  constructor(actions, scroller) {
    this.actions = actions;
    this.views = actions.tools.views;
    this.watch = new IntersectionObserver((entries) => {
      for (const { target, isIntersecting } of entries) {
        const id = target instanceof HTMLElement ? target.dataset.place ?? '' : '';
        if (isIntersecting) this.#seen.add(id);
        else this.#seen.delete(id);
      }
      this.#soon();
    }, { root: scroller });
  }

  /** On or off. */
  toggle() {
    this.on = !this.on;
    this.listening = '';
    this.actions.render();
  }

  /** The sound of this room, or of none if it was this. @param {string} room */
  listen(room) {
    this.listening = this.listening === room ? '' : room;
    this.actions.render();
  }

  /** Whether the voices of a room come in here. @param {string} room */
  hears(room) {
    const { client } = this.actions;
    if (room === client.room) return true;
    if (room === MAIN) return !client.parent.paused && !client.parent.audioMuted;
    return client.monitoring.includes(room) && (client.listening === undefined || client.listening === room);
  }

  #soon() {
    if (!this.on || this.#timer) return;
    this.#timer = window.setTimeout(() => {
      this.#timer = 0;
      this.actions.render();
    }, SETTLE_MS);
  }

  /** @param {Map<string, Card>} cards */
  render(cards) {
    const { client, places } = this.actions;
    if (!places.open || !client.can('voice.monitor')) this.on = false;
    if (!this.on && this.rooms.length === 0 && client.monitoring.length === 0) return;
    const able = places.rooms.filter((place) => place.id !== client.room);
    if (!able.some((place) => place.id === this.listening)) this.listening = '';
    const looked = this.on
      ? able.filter((place) => this.#seen.has(place.id) || place.id === this.listening).slice(0, ROOMS_MAX)
      : [];
    this.rooms = looked.map((place) => place.id);
    this.#ask();
    const shown = looked.map((place) => ({ place, people: this.#wanted(place) }));
    this.#wish(shown.map(({ people }) => people));
    const people = new Set();
    for (const { place, people: some } of shown) {
      const card = cards.get(place.id);
      if (!card) continue;
      setAttribute(card.thumbnails, 'hidden', some.length === 0);
      some.forEach((id, at) => {
        people.add(id);
        const { element } = this.#thumbnail(id);
        if (card.thumbnails.children[at] !== element)
          card.thumbnails.insertBefore(element, card.thumbnails.children[at] ?? null);
      });
    }
    for (const [id, thumbnail] of this.#thumbnails) if (!people.has(id)) this.#drop(id, thumbnail);
    for (const card of cards.values())
      if (!card.thumbnails.hidden && !card.thumbnails.firstChild) card.thumbnails.hidden = true;
  }

  /** Those who speak first, as many as fit. @param {Place} place */
  #wanted(place) {
    const { client } = this.actions;
    const speaking = client.speaking.filter((id) => this.actions.places.of(id) === place.id);
    // Who is shown already stays, so that pictures do not jump about.
    const order = [...speaking.slice(0, EACH_MAX - 1),
      ...place.people.filter((id) => this.#thumbnails.has(id)), ...place.people];
    const chosen = [...new Set(order)].slice(0, EACH_MAX);
    return place.people.length <= EACH_MAX ? place.people : chosen.sort();
  }

  /** One of each room first, then the second of each. @param {string[][]} rooms */
  #wish(rooms) {
    const turns = Array.from({ length: EACH_MAX }, (_, at) => rooms.flatMap((people) => people[at] ?? []));
    this.views.set('rooms', turns.flat().map((participant) => ({ participant, source: 'camera', height: HEIGHT })));
  }

  /** Tells the server, one command at a time. */
  #ask() {
    const { client } = this.actions;
    const same = (/** @type {string[]} */ list, /** @type {string | null} */ heard) => (
      [...list].sort().concat(heard ?? '').join(' '));
    const listen = this.listening || null;
    if (this.#asking || same(client.monitoring, client.listening ?? null) === same(this.rooms, listen)) return;
    this.#asking = true;
    void this.actions.run(() => client.monitor(this.rooms, listen)).then((done) => {
      this.#asking = false;
      if (!done) this.on = false;
      this.actions.render();
    });
  }

  /** @param {string} id @returns {Thumbnail} */
  #thumbnail(id) {
    let thumbnail = this.#thumbnails.get(id);
    if (!thumbnail) {
      const video = make('video', { muted: true, autoplay: true, playsinline: true });
      video.muted = true;
      const element = make('figure', { class: 'thumbnail', 'data-thumbnail': id },
        make('span', { class: 'person-face', 'aria-hidden': 'true' }), video, make('figcaption'));
      this.#thumbnails.set(id, thumbnail = { element, video, mid: '', detach: () => {} });
    }
    const { client } = this.actions;
    const name = this.actions.nameOf(id);
    const [face, , caption] = /** @type {HTMLElement[]} */ ([...thumbnail.element.children]);
    if (face) setText(face, (Array.from(name.trim())[0] ?? '?').toUpperCase());
    if (caption) setText(caption, name);
    setAttribute(thumbnail.element, 'title', name);
    const slot = client.slots.find((one) => one.kind === 'video' && one.participant === id && one.source === 'camera');
    if (thumbnail.mid === (slot?.mid ?? '')) return thumbnail;
    thumbnail.detach();
    thumbnail.mid = slot?.mid ?? '';
    thumbnail.detach = slot ? client.attach(slot, thumbnail.video) : () => {};
    thumbnail.element.classList.toggle('live', slot !== undefined);
    return thumbnail;
  }

  /** @param {string} id @param {Thumbnail} thumbnail */
  #drop(id, thumbnail) {
    thumbnail.detach();
    thumbnail.element.remove();
    this.#thumbnails.delete(id);
  }

  close() {
    clearTimeout(this.#timer);
    this.watch.disconnect();
    this.views.set('rooms', []);
    for (const [id, thumbnail] of this.#thumbnails) this.#drop(id, thumbnail);
  }
}
