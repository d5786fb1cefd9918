/**
 * What concerns this participant just now: invitations, another role, announcements, media that does not get
 * through, the time that is left, the way back, and how the main room is heard inside a breakout.
 */

import { arrange, button, icon, make, setAttribute, setIcon, setText } from './elements.js';
import { openMenu } from './rooms/menu.js';
import { clock, secondsTo } from './rooms/timing.js';
import { nameOf } from './names.js';
import { strings } from './strings.js';
import { toast } from './toast.js';

/** @typedef {import('../client/client.js').Ringfence} Ringfence */
/** @typedef {'keep' | 'duck' | 'mute' | 'pause'} Volume */

const text = strings.inside;
const WARN_S = 60;
/** How loud the main room is played here, in percent, where it is chosen. */
const GAINS = { keep: 100, duck: 20 };
const BANNER_MS = 60_000;
/** The server puts the end of rooms a little later than what is shown, never earlier. */
const TICK_MS = 500;

const BLOCKED = 'udp_blocked';
/** Whether the server answers, and media does not get through. @param {Ringfence} client */
export const isBlocked = ({ error }) => /** @type {{ kind?: string } | null} */ (error)?.kind === BLOCKED;

export class Inside {
  /** @type {Map<string, { element: HTMLElement, tick: () => void }>} */ #cards = new Map();
  /** @type {Map<unknown, HTMLElement>} */ #banners = new Map();
  #room = '';
  #warned = '';

  /**
   * @param {HTMLElement} banners
   * @param {HTMLElement} now
   * @param {Ringfence} client
   * @param {(work: () => Promise<unknown>) => Promise<boolean>} attempt
   */
  constructor(banners, now, client, attempt) {
    this.banners = banners;
    this.client = client;
    this.attempt = attempt;
    this.#room = client.room;
    this.voices = make('span', { class: 'pill voices' }, icon('megaphone'), make('span', { class: 'cut' }));
    this.time = make('span', { role: 'timer' });
    this.timer = make('span', { class: 'pill timer' }, icon('timer'), this.time);
    this.help = button(text.help, () => void attempt(() => client.askForHelp()), {
      id: 'help', icon: 'hand', class: 'plain',
    });
    this.volume = button(text.volume, () => this.#menu(), {
      id: 'main-volume', icon: 'speaker', class: 'plain', 'aria-haspopup': 'menu',
    });
    this.back = make('button', { type: 'button', id: 'return', class: 'back', title: text.return,
      onclick: () => void attempt(() => client.breakout.leave()) }, icon('back'), make('span', { text: text.back }));
    now.replaceChildren(this.voices, this.timer, this.help, this.volume, this.back);
    this.timerId = setInterval(() => this.#tick(), TICK_MS);
    client.addEventListener('broadcast', this.#onBroadcast);
    client.addEventListener('breakout_error', this.#onError);
    client.addEventListener('role_changed', this.#onRole);
    client.addEventListener('help_reset', this.#onHelp);
  }

  close() {
    clearInterval(this.timerId);
    this.client.removeEventListener('broadcast', this.#onBroadcast);
    this.client.removeEventListener('breakout_error', this.#onError);
    this.client.removeEventListener('role_changed', this.#onRole);
    this.client.removeEventListener('help_reset', this.#onHelp);
    this.banners.replaceChildren();
  }

  render() {
    const { client } = this;
    const away = client.room !== 'main';
    // The name of the room may be told after the move.
    if (client.room !== this.#room && client.rooms.some((room) => room.id === client.room)) {
      this.#room = client.room;
      toast(away ? text.moved(this.#roomName(client.room)) : text.returned);
    }
    this.back.hidden = !away || !client.can('breakout.parent');
    // Who muted it inside and is back hears nobody: the way out of that stays in sight.
    this.volume.hidden = !away && (this.#volume === 'keep' || this.#volume === 'duck');
    setIcon(this.volume, this.#volume === 'pause' ? 'pause' : this.#volume === 'mute' ? 'speaker-off' : 'speaker');
    setAttribute(this.volume, 'aria-label', text.volumeIs(text.volumes[this.#volume]));
    setAttribute(this.volume, 'title', text.volumeIs(text.volumes[this.#volume]));
    const asked = client.help.has(client.room);
    this.help.hidden = !away || client.can('help.answer');
    this.help.disabled = asked;
    setAttribute(this.help, 'title', asked ? text.helpAsked : text.help);
    setAttribute(this.help, 'aria-label', asked ? text.helpAsked : text.help);
    const said = strings.stage.voices;
    const voices = [...client.voices].map(([id, kind]) => text.voice(nameOf(client, id), said[kind]));
    if (client.announcing.length > 0) voices.unshift(text.announcing);
    this.voices.hidden = voices.length === 0;
    setText(/** @type {Element} */ (this.voices.lastElementChild), voices.join(', '));
    this.#renderBanners();
    this.#tick();
  }

  /** @param {string} id */
  #roomName(id) {
    return this.client.rooms.find((room) => room.id === id)?.name ?? id;
  }

  // --- Invitations and what else is shown above the stage -------------------------------------------------

  #renderBanners() {
    const { client } = this;
    const wanted = new Set();
    for (const { room, name, requestor, expiresAt } of client.invitations) {
      const key = `room ${room} ${expiresAt ?? ''}`;
      wanted.add(key);
      if (this.#cards.has(key)) continue;
      this.#cards.set(key, this.#question({
        title: requestor ? text.invited(nameOf(this.client, requestor), name) : text.invitedBy(name),
        expiresAt,
        yes: () => client.breakout.join(room),
        no: () => client.breakout.reject(room),
      }));
    }
    if (client.roleAsked) {
      const { role, requestor } = client.roleAsked;
      const key = `role ${role} ${requestor}`;
      wanted.add(key);
      if (!this.#cards.has(key)) {
        this.#cards.set(key, this.#question({
          title: text.roleAsked(nameOf(this.client, requestor), role), expiresAt: null,
          yes: () => client.roles.accept(), no: () => client.roles.reject(),
        }));
      }
    }
    for (const key of this.#cards.keys()) if (!wanted.has(key)) this.#cards.delete(key);
    if (!isBlocked(client)) this.#banners.delete(BLOCKED);
    else if (!this.#banners.has(BLOCKED)) {
      const { title, text: mend } = strings.ended.kinds[BLOCKED];
      this.#banners.set(BLOCKED, make('section', { class: 'banner fault', role: 'note' },
        make('p', { class: 'grow' }, make('strong', { text: title }), ' ', mend, ' ', text.chatWorks)));
    }
    arrange(this.banners, [...[...this.#cards.values()].map((card) => card.element), ...this.#banners.values()]);
  }

  /**
   * A question with two answers, which does not hold up anything else.
   * @param {{ title: string, expiresAt: number | null, yes: () => Promise<void>, no: () => Promise<void> }} question
   */
  #question({ title, expiresAt, yes, no }) {
    const left = make('span', { class: 'quiet small', role: 'timer', 'aria-live': 'off' });
    const element = make('section', { class: 'banner question', role: 'dialog', 'aria-label': title },
      make('p', { class: 'grow' }, make('strong', { text: title }), left),
      button(text.reject, () => void this.attempt(no), { class: 'reject' }),
      button(text.accept, () => void this.attempt(yes), { class: 'primary accept' }));
    const tick = () => {
      if (expiresAt !== null) setText(left, text.expires(clock(secondsTo(expiresAt))));
    };
    tick();
    return { element, tick };
  }

  #onBroadcast = (/** @type {CustomEvent} */ { detail: { from, text: said } }) => {
    if (from === this.client.id) return;
    const key = {};
    const dismiss = () => {
      this.#banners.delete(key);
      this.#renderBanners();
    };
    this.#banners.set(key, make('section', { class: 'banner broadcast', role: 'note' }, icon('megaphone'),
      make('p', { class: 'grow' }, make('strong', { text: text.broadcast(nameOf(this.client, from)) }), ' ', said),
      button(text.dismiss, dismiss, { icon: 'close', class: 'plain small' })));
    setTimeout(dismiss, BANNER_MS);
    this.#renderBanners();
  };

  #onError = (/** @type {CustomEvent} */ { detail }) => toast(detail.msg, 'error');

  #onHelp = (/** @type {CustomEvent} */ { detail }) => {
    if (detail.room_id === this.client.room && !this.client.can('help.answer')) toast(text.helpSeen);
  };

  #onRole = (/** @type {CustomEvent} */ { detail: { participant, role, accepted } }) => {
    if (participant === this.client.id && accepted) toast(text.roleNow(role));
    else if (!accepted && participant !== this.client.id) toast(text.roleRejected(nameOf(this.client, participant)));
  };

  // --- Time -----------------------------------------------------------------------------------------------

  #tick() {
    const { timer } = this.client;
    for (const card of this.#cards.values()) card.tick();
    this.timer.hidden = timer === null;
    if (!timer) return;
    const seconds = secondsTo(timer.endsAt);
    const late = timer.closing || seconds <= WARN_S;
    this.timer.classList.toggle('late', late);
    setText(this.time, clock(seconds));
    setAttribute(this.time, 'aria-label', text.left(clock(seconds)));
    const warning = `${timer.room} ${Math.round(timer.endsAt / 10_000)} ${timer.closing}`;
    if (!late || this.#warned === warning || seconds === 0) return;
    this.#warned = warning;
    toast(timer.closing ? text.closing(seconds) : text.soon(seconds));
  }

  // --- The main room's volume -----------------------------------------------------------------------------

  /** @returns {Volume} */
  get #volume() {
    const { parent } = this.client;
    if (parent.paused) return 'pause';
    if (parent.audioMuted) return 'mute';
    return parent.gain < 100 ? 'duck' : 'keep';
  }

  #menu() {
    const now = this.#volume;
    openMenu(this.volume, /** @type {Volume[]} */ (['keep', 'duck', 'mute', 'pause']).map((volume) => ({
      label: `${volume === now ? '✓ ' : '\u2007 '}${text.volumes[volume]}`,
      run: () => void this.attempt(() => this.#setVolume(volume)),
    })));
  }

  /** @param {Volume} volume */
  async #setVolume(volume) {
    const { main, parent } = this.client;
    if (volume === 'pause') return main.pause();
    if (parent.paused) await main.resume();
    if (volume === 'mute') await main.mute({ audio: true });
    else {
      if (parent.audioMuted) await main.unmute({ audio: true });
      main.gain(GAINS[volume]);
    }
  }
}
