/** The tab Chat: what was written to the room, to all rooms, or to one person alone. */

import { arrange, button, icon, make, setText } from './elements.js';
import { strings } from './strings.js';

/** @typedef {import('../client/client.js').Ringfence} Ringfence */
/** @typedef {import('../client/client.js').Message} Message */

const text = strings.chat;
const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' });
/** Messages of one person within this are one block. */
const BLOCK_MS = 3 * 60_000;

export class Chat {
  /** @type {Map<Message, HTMLElement>} */ #elements = new Map();
  #seen = 0;

  /**
   * @param {HTMLElement} parent
   * @param {Ringfence} client
   * @param {(work: () => Promise<unknown>) => Promise<boolean>} attempt
   * @param {(message: Message) => void} news of others, not seen
   */
  constructor(parent, client, attempt, news) {
    this.client = client;
    this.attempt = attempt;
    this.news = news;
    this.panel = parent;
    parent.classList.add('chat');
    this.log = make('div', { class: 'messages', role: 'log', 'aria-label': text.log, tabindex: 0 });
    this.empty = make('p', { class: 'empty-note', text: text.empty });
    this.to = make('select', { 'aria-label': text.to });
    this.field = make('textarea', {
      rows: 1, maxlength: 4000, placeholder: text.placeholder, 'aria-label': text.placeholder,
      oninput: () => this.#fit(), onkeydown: (event) => this.#onKey(/** @type {KeyboardEvent} */ (event)),
    });
    const send = button(text.send, () => void this.#send(), { icon: 'send', class: 'primary', id: 'send' });
    this.form = make('form', { class: 'write', onsubmit: (event) => {
      event.preventDefault();
      void this.#send();
    } }, this.to, make('div', { class: 'row' }, this.field, send));
    parent.append(this.empty, this.log, this.form);
  }

  /** How many messages were not seen. */
  get unread() {
    return this.client.messages.filter((one) => !one.own).length - this.#seen;
  }

  focus() {
    this.field.focus();
  }

  /** Writes to one person alone. @param {string} id */
  write(id) {
    this.#recipients();
    this.to.value = id;
    this.field.focus();
  }

  /** @param {boolean} shown whether the tab is looked at */
  render(shown) {
    const { client, log } = this;
    const { messages } = client;
    const old = this.#elements.size;
    for (const message of this.#elements.keys()) if (!messages.includes(message)) this.#elements.delete(message);
    messages.forEach((message, at) => {
      if (this.#elements.has(message)) return;
      this.#elements.set(message, this.#message(message, messages[at - 1]));
      if (!message.own && !shown) this.news(message);
    });
    const atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 60;
    arrange(log, messages.flatMap((one) => this.#elements.get(one) ?? []));
    this.empty.hidden = messages.length > 0;
    log.hidden = messages.length === 0;
    this.form.hidden = !client.can('chat');
    if (atEnd || old === 0) log.scrollTop = log.scrollHeight;
    if (shown) this.#seen = messages.filter((one) => !one.own).length;
    this.#recipients();
  }

  /** @param {Message} message @param {Message | undefined} before */
  #message(message, before) {
    const { kind, from, to, room, own, at } = message;
    const broadcast = kind === 'broadcast';
    const follows = before && before.from === from && before.to === to && before.kind === kind
      && before.room === room && at - before.at < BLOCK_MS;
    const name = own ? strings.you : this.#name(from);
    const aside = broadcast ? text.toAll : to === null ? '' : own ? text.onlyTo(this.#name(to)) : text.onlyYou;
    const head = !follows && make('p', { class: 'message-head' }, broadcast && icon('megaphone'),
      make('strong', { class: 'cut', text: name }), aside && make('span', { class: 'message-aside cut', text: aside }),
      make('time', { class: 'quiet small', text: clock.format(at) }));
    const known = before && before.room !== null && room !== null;
    const changed = !broadcast && to === null && known && before.room !== room;
    const kinds = [kind, own && 'own', to !== null && 'private', follows && 'follows'].filter(Boolean).join(' ');
    return make('div', { class: `message ${kinds}` },
      changed && make('p', { class: 'message-room quiet small', text: this.#room(room) }), head,
      make('p', { class: 'message-text', text: message.text }));
  }

  /** @param {string} id */
  #name(id) {
    return this.client.participants.get(id)?.name || id;
  }

  /** @param {string} id */
  #room(id) {
    return this.client.rooms.find((one) => one.id === id)?.name ?? id;
  }

  /** Everybody here, or one of all. */
  #recipients() {
    const { client, to } = this;
    const people = [...client.participants.values()].filter((one) => one.id !== client.id)
      .map(({ id, name }) => ({ value: id, label: text.only(name || id) }))
      .sort((a, b) => a.label.localeCompare(b.label));
    const wanted = [{ value: '', label: text.everybody(this.#room(client.room)) }, ...people];
    const said = JSON.stringify(wanted);
    if (to.dataset.said === said) return;
    to.dataset.said = said;
    const chosen = to.value;
    to.replaceChildren(...wanted.map(({ value, label }) => make('option', { value, text: label })));
    to.value = wanted.some((one) => one.value === chosen) ? chosen : '';
  }

  async #send() {
    const said = this.field.value.trim();
    if (!said) return this.field.focus();
    if (await this.attempt(() => this.client.chat(said, this.to.value || undefined))) {
      this.field.value = '';
      this.#fit();
      this.log.scrollTop = this.log.scrollHeight;
    }
    this.field.focus();
  }

  /** Enter sends, Shift+Enter is a new line. @param {KeyboardEvent} event */
  #onKey(event) {
    if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    void this.#send();
  }

  /** As high as what is in it, up to five lines. */
  #fit() {
    this.field.rows = Math.min(5, this.field.value.split('\n').length);
    setText(this.empty, text.empty);
  }
}
