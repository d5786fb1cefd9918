/** Before the start: how many rooms, who goes where by rule or by list, and the start itself. */

import { button, make, setAttribute, setText } from '../elements.js';
import { labelled, startDialog } from './dialogs.js';
import { openMenu } from './menu.js';
import { texts } from './strings.js';

/** @typedef {import('./actions.js').Actions} Actions */
/** @typedef {'random' | 'even' | 'by_capacity'} Strategy */

const STRATEGIES = /** @type {const} */ (['even', 'random', 'by_capacity']);
const ROOMS_MAX = 300;

export class Setup {
  /** @param {Actions} actions */
  constructor(actions) {
    this.actions = actions;
    const { create, deal, draft } = texts;
    const number = (/** @type {import('../elements.js').Attributes} */ more) =>
      make('input', { type: 'number', inputmode: 'numeric', ...more });
    this.count = number({ name: 'count', min: 1, max: ROOMS_MAX, value: 4, required: true });
    this.capacity = number({ name: 'capacity', min: 2, placeholder: create.any });
    this.strategy = make('select', { name: 'deal' }, ...['even', 'random', 'by_capacity', 'manual'].map((value) => (
      make('option', { value, text: deal[/** @type {Strategy} */ (value)] }))));
    this.form = make('form', { class: 'create', onsubmit: (event) => void this.#create(event) },
      make('h3', { text: create.title }), make('p', { class: 'quiet', text: create.lead }),
      make('div', { class: 'create-fields' }, labelled(create.count, this.count),
        labelled(create.capacity, this.capacity), labelled(create.deal, this.strategy)),
      make('div', { class: 'create-buttons' }, make('button', { type: 'submit', class: 'primary', text: create.go }),
        button(create.csv, () => void actions.importList())));
    this.title = make('strong');
    this.summary = make('span', { class: 'quiet' });
    this.deal = button(deal.menu, () => this.#dealMenu(), { 'aria-haspopup': 'menu' });
    this.more = button(draft.more, () => this.#moreMenu(), { icon: 'more', class: 'plain', 'aria-haspopup': 'menu' });
    this.tools = make('div', { class: 'session' },
      make('div', { class: 'session-head' }, make('p', { class: 'session-summary' }, this.title, this.summary),
        button(draft.start, () => void this.#start(), { class: 'primary session-start' })),
      make('div', { class: 'session-buttons' }, this.deal, button(create.add, () => void this.#add())));
    this.element = make('div', { class: 'setup' }, this.form, this.tools);
  }

  render() {
    const { places } = this.actions;
    const { rooms, assigned, list } = places;
    setAttribute(this.element, 'hidden', places.open);
    setAttribute(this.form, 'hidden', rooms.length > 0);
    setAttribute(this.tools, 'hidden', rooms.length === 0);
    const staying = list[0]?.people.length ?? 0;
    setText(this.title, texts.rooms(rooms.length));
    setText(this.summary, texts.draft.summary(assigned, staying));
    setAttribute(this.more, 'hidden', places.open);
  }

  get #revision() {
    return this.actions.client.plan.revision;
  }

  /** @param {Event} event */
  async #create(event) {
    event.preventDefault();
    const { actions } = this;
    const { client } = actions;
    const capacity = this.capacity.value ? { capacity: Number(this.capacity.value) } : {};
    const strategy = this.strategy.value;
    await actions.run(async () => {
      await client.breakout.create({ count: Number(this.count.value), ...capacity });
      if (strategy !== 'manual') await client.breakout.shuffle({ strategy: /** @type {Strategy} */ (strategy) });
    });
  }

  /** One more room, as large as the others. */
  #add() {
    const { client, places } = this.actions;
    const capacity = places.rooms.at(-1)?.capacity;
    return this.actions.run(() => client.breakout.create({ count: 1, ...(capacity && { capacity }) }));
  }

  #dealMenu() {
    const { actions } = this;
    const revision = this.#revision;
    const said = texts.deal.done(actions.places.rooms.length);
    openMenu(this.deal, STRATEGIES.map((strategy) => ({
      label: texts.deal[strategy],
      run: () => void actions.whole('breakout.shuffle', { strategy }, revision, said),
    })));
  }

  #moreMenu() {
    const { draft, live, create } = texts;
    const { actions } = this;
    const { inside } = actions.places;
    openMenu(this.more, [
      { label: create.csv, run: () => void actions.importList() },
      inside > 0 && { label: live.back, run: () => void actions.run(() => actions.client.breakout.clearAll()) },
      { label: draft.reset, run: () => void this.#reset(), danger: true },
      { label: draft.destroy, run: () => void destroyAll(actions), danger: true },
    ]);
  }

  async #reset() {
    const { draft } = texts;
    const revision = this.#revision;
    const sure = await this.actions.tools.dialog({
      title: draft.resetTitle, text: draft.resetText, confirm: draft.resetGo, danger: true,
    });
    if (sure) await this.actions.whole('breakout.reset', {}, revision);
  }

  async #start() {
    const revision = this.#revision; // the one whose numbers are shown
    const how = await startDialog(this.actions);
    if (how) await this.actions.whole('breakout.start', how, revision, texts.start.started);
  }
}

/** The end of all rooms, after a question. @param {Actions} actions */
export async function destroyAll(actions) {
  const { draft } = texts;
  const text = draft.destroyText(actions.places.inside);
  if (!await actions.tools.dialog({ title: draft.destroyTitle, text, confirm: draft.destroyGo, danger: true })) return;
  await actions.run(() => actions.client.breakout.destroyAll());
}
