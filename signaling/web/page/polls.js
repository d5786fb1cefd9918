/** The tab Polls: asking, voting, and how it went. Results are seen by who has voted, asked, or when it is over. */

import { dialog } from './dialog.js';
import { arrange, button, make, setAttribute, setText } from './elements.js';
import { strings } from './strings.js';

/** @typedef {import('../client/client.js').Ringfence} Ringfence */
/** @typedef {import('../client/client.js').Poll} Poll */

const text = strings.polls;
/** As many options as are offered to fill in. */
const OPTIONS_MAX = 8;

export class Polls {
  /** @type {Map<number, { element: HTMLElement, said: string }>} */ #cards = new Map();

  /**
   * @param {HTMLElement} parent
   * @param {Ringfence} client
   * @param {(work: () => Promise<unknown>) => Promise<boolean>} attempt
   */
  constructor(parent, client, attempt) {
    this.client = client;
    this.attempt = attempt;
    this.create = button(text.create, () => void this.#create(), { id: 'new-poll', class: 'wide' });
    this.list = make('div', { class: 'stack' });
    this.empty = make('p', { class: 'empty-note', text: text.empty });
    parent.append(make('div', { class: 'stack' }, this.create, this.empty, this.list));
  }

  render() {
    const { client } = this;
    const polls = [...client.polls.values()].reverse();
    this.create.hidden = !client.can('poll.create');
    this.empty.hidden = polls.length > 0;
    arrange(this.list, polls.map((poll) => this.#card(poll)));
  }

  /** Built anew only when it changed; the focus goes to the same option of the new one. @param {Poll} poll */
  #card(poll) {
    const said = JSON.stringify([poll, this.client.can('breakout.manage')]);
    const old = this.#cards.get(poll.poll);
    if (old?.said === said) return old.element;
    const element = this.#build(poll);
    const buttons = [...old?.element.querySelectorAll('button') ?? []];
    const focused = buttons.findIndex((one) => one === document.activeElement);
    old?.element.replaceWith(element);
    if (focused >= 0) element.querySelectorAll('button')[focused]?.focus();
    this.#cards.set(poll.poll, { element, said });
    return element;
  }

  /** @param {Poll} poll */
  #build(poll) {
    const { client } = this;
    const total = poll.votes.reduce((sum, count) => sum + count, 0);
    const mine = poll.from === client.id;
    const shown = !poll.open || poll.own !== null || mine;
    const from = mine ? strings.you : client.participants.get(poll.from)?.name || poll.from;
    const options = poll.options.map((option, at) => {
      const share = total ? Math.round((poll.votes[at] ?? 0) * 100 / total) : 0;
      const count = shown ? text.result(share, poll.votes[at] ?? 0) : '';
      const bar = make('i', { class: 'poll-bar', 'aria-hidden': 'true' });
      bar.style.setProperty('--share', String(shown ? share / 100 : 0));
      const inside = [bar, make('span', { class: 'poll-option', text: option }),
        make('span', { class: 'poll-count', text: count })];
      return make('li', {}, poll.open
        ? make('button', { type: 'button', class: 'poll-choice', 'aria-pressed': poll.own === at,
          onclick: () => void this.attempt(() => client.vote(poll.poll, at)) }, ...inside)
        : make('div', { class: 'poll-choice' }, ...inside));
    });
    const may = poll.open && (mine || client.can('breakout.manage'));
    const title = make('h3', { text: poll.question });
    return make('section', { class: 'poll', 'data-poll': poll.poll },
      title, make('p', { class: 'quiet small', text: text.about(from, total, poll.open) }),
      make('ul', { class: 'stack poll-options', 'aria-label': poll.question }, ...options),
      may && button(text.close, () => void this.attempt(() => client.closePoll(poll.poll)), { class: 'small' }));
  }

  async #create() {
    const question = make('textarea', { rows: 2, maxlength: 500, required: true });
    const options = make('div', { class: 'stack' });
    const add = () => {
      const label = text.option(options.childElementCount + 1);
      const required = options.childElementCount < 2;
      const field = make('input', { maxlength: 200, required, 'aria-label': label, placeholder: label });
      options.append(field);
      setAttribute(more, 'hidden', options.childElementCount >= OPTIONS_MAX);
      return field;
    };
    const more = button(text.more, () => add().focus(), { class: 'small' });
    add();
    add();
    const body = make('div', { class: 'stack' }, make('label', { class: 'field' }, text.question, question),
      make('fieldset', { class: 'stack' }, make('legend', { class: 'unseen', text: text.options }), options, more));
    setText(more, text.more);
    if (!await dialog({ title: text.create, body, confirm: text.ask })) return;
    const filled = [...options.querySelectorAll('input')].map((field) => field.value.trim()).filter(Boolean);
    await this.attempt(() => this.client.createPoll({ question: question.value.trim(), options: filled }));
  }
}
