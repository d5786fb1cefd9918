/** While the rooms are open: time, messages, one's voice to all, looking in, and the end. */

import { button, make, setAttribute, setText } from '../elements.js';
import { announceDialog, stopDialog } from './dialogs.js';
import { openMenu } from './menu.js';
import { destroyAll } from './setup.js';
import { texts } from './strings.js';
import { clock, secondsTo } from './timing.js';

/** @typedef {import('./actions.js').Actions} Actions */
/** @typedef {import('./monitor.js').Monitor} Monitor */

const MORE_MINUTES = [1, 5, 10];

export class Session {
  /** @param {Actions} actions @param {Monitor} monitor */
  constructor(actions, monitor) {
    this.actions = actions;
    this.monitor = monitor;
    const { live, draft } = texts;
    this.state = make('strong', { class: 'session-state' });
    this.summary = make('span', { class: 'quiet' });
    this.clock = make('span', { class: 'session-clock', role: 'timer' });
    this.time = button(live.time, () => this.#timeMenu(), { 'aria-haspopup': 'menu' });
    this.message = button(live.message, () => void actions.message());
    this.announce = button(live.announce, () => void this.#announce(), { 'aria-pressed': 'false' });
    this.look = button(live.monitor, () => monitor.toggle(), { 'aria-pressed': 'false' });
    this.back = button(live.back, () => void this.#back());
    this.stop = button(live.stop, () => void this.#stop(), { class: 'danger' });
    this.more = button(draft.more, () => openMenu(this.more, [
      { label: texts.create.add, run: () => void actions.run(() => actions.client.breakout.create({ count: 1 })) },
      { label: draft.destroy, run: () => void destroyAll(actions), danger: true },
    ]), { icon: 'more', class: 'plain', 'aria-haspopup': 'menu' });
    this.announced = make('span');
    this.voice = make('div', { class: 'session-voice', role: 'status', hidden: true },
      make('span', { class: 'voice-dot', 'aria-hidden': 'true' }), this.announced,
      button(texts.announce.end, () => void this.#endAnnounce(), { class: 'small' }));
    this.looking = make('p', { class: 'session-looking', hidden: true });
    this.element = make('div', { class: 'session live' },
      make('div', { class: 'session-head' }, make('p', { class: 'session-summary' }, this.state, this.summary), this.clock),
      make('div', { class: 'session-buttons' }, this.time, this.message, this.announce, this.look, this.back, this.stop),
      this.voice, this.looking);
  }

  render() {
    const { client, places } = this.actions;
    const { live, announce } = texts;
    setAttribute(this.element, 'hidden', !places.open);
    setAttribute(this.more, 'hidden', !places.open);
    setText(this.state, places.closing ? live.closing : live.open);
    setText(this.summary, live.summary(places.inside, places.rooms.length));
    this.element.classList.toggle('closing', places.closing);
    setAttribute(this.message, 'hidden', !client.can('breakout.broadcast'));
    setAttribute(this.announce, 'hidden', !client.can('voice.announce'));
    setAttribute(this.look, 'hidden', !client.can('voice.monitor'));
    this.back.disabled = places.inside === 0;
    const on = client.announcing.length > 0;
    setAttribute(this.announce, 'aria-pressed', on);
    setAttribute(this.voice, 'hidden', !on);
    setText(this.announced, on ? `${announce.on} ${client.announcing.map((source) => announce.sources[source] ?? source).join(', ')}` : '');
    const { monitor } = this;
    setAttribute(this.look, 'aria-pressed', monitor.on);
    setAttribute(this.looking, 'hidden', !monitor.on);
    const heard = monitor.listening ? texts.monitor.hears(this.actions.roomName(monitor.listening)) : texts.monitor.none;
    setText(this.looking, monitor.on ? `${texts.monitor.on(monitor.rooms.length)}. ${heard}` : '');
    this.tick();
  }

  /** The time that is left. */
  tick() {
    const { timer } = this.actions.client;
    const left = timer && timer.room === null ? secondsTo(timer.endsAt) : null;
    setText(this.clock, left === null ? texts.live.noLimit : clock(left));
    this.clock.classList.toggle('none', left === null);
    this.clock.classList.toggle('soon', left !== null && left <= 60);
  }

  #timeMenu() {
    const { actions } = this;
    const timed = actions.client.timer?.room === null;
    openMenu(this.time, [
      ...(timed ? MORE_MINUTES.map((minutes) => ({ label: texts.live.more(minutes), run: () => void actions.extend(minutes) })) : []),
      !timed && { label: texts.live.setTimer, run: () => void actions.timer() },
    ]);
  }

  async #announce() {
    if (this.actions.client.announcing.length > 0) await this.#endAnnounce();
    else {
      const sources = await announceDialog(this.actions);
      if (sources) await this.actions.run(() => this.actions.client.announce(sources));
    }
  }

  #endAnnounce() {
    return this.actions.run(() => this.actions.client.announce(null));
  }

  async #back() {
    const { live } = texts;
    const { actions } = this;
    const text = live.backText(actions.places.inside);
    if (!await actions.tools.dialog({ title: live.backTitle, text, confirm: live.backGo })) return;
    await actions.run(() => actions.client.breakout.clearAll());
  }

  async #stop() {
    const { actions } = this;
    const how = await stopDialog(actions);
    if (how) await actions.run(() => actions.client.breakout.stop(how.grace ? { grace: how.grace } : {}), texts.live.stopped);
  }
}
