/** The page while in a meeting: its parts, and when each of them is drawn. */

import { Chat } from './chat.js';
import { Controls } from './controls.js';
import { dialog } from './dialog.js';
import { byId, make, setText } from './elements.js';
import { Inside, isBlocked } from './inside.js';
import { OwnMedia, deviceFault } from './media.js';
import { kept } from './memory.js';
import { People } from './people.js';
import { Sidebar } from './sidebar.js';
import { Stage } from './stage.js';
import { strings } from './strings.js';
import { toast } from './toast.js';
import { Views } from './views.js';

/** @typedef {import('../client/client.js').Ringfence} Ringfence */

const PHONE = matchMedia('(max-width: 52rem)');

/** @typedef {{ render(): void, close?(): void }} Part */

export class Meeting {
  #renderAsked = false;
  #open = true;
  /** Parts that are loaded when they are first needed. @type {Map<string, Part | null>} */ #late = new Map();
  #blocked = false;

  /** @param {Ringfence} client joined */
  constructor(client) {
    this.client = client;
    this.element = byId('call');
    this.element.hidden = false;
    this.views = new Views(client);
    this.media = new OwnMedia(client, this.soon);
    this.stage = new Stage(byId('stage'), client, this.views);
    this.sidebar = new Sidebar(byId('panel'));
    this.controls = new Controls(byId('controls'), {
      toggle: (source) => void this.attempt(() => this.media.toggle(source)),
      tab: (tab) => this.#toggle(tab),
      settings: () => void this.attempt(async () => {
        const { settings } = await import('./settings.js');
        await settings(client, this.attempt, this.#setSpeaker);
      }),
      leave: () => void client.leave(),
    });
    this.panels = {
      people: this.sidebar.add('people'), chat: this.sidebar.add('chat'),
      polls: this.sidebar.add('polls'), rooms: this.sidebar.add('rooms'),
    };
    this.people = new People(this.panels.people, client, { attempt: this.attempt, write: (id) => {
      this.sidebar.show('chat');
      this.chat.write(id);
    } });
    this.chat = new Chat(this.panels.chat, client, this.attempt, (message) => {
      const name = client.participants.get(message.from)?.name || message.from;
      if (message.to !== null) toast(strings.chat.whispered(name, message.text));
    });
    this.inside = new Inside(byId('banners'), byId('now'), client, this.attempt);
    this.sidebar.addEventListener('change', this.soon);
    this.sidebar.addEventListener('escape', () => {
      const { last } = this.sidebar;
      byId(last === 'polls' ? 'people' : last).focus();
    });
    for (const type of ['model', 'slots', 'speaking', 'state', 'change']) client.addEventListener(type, this.soon);
    client.addEventListener('peer', this.#listen);
    client.addEventListener('device', this.#onDevice);
    PHONE.addEventListener('change', this.#fold);
    byId('hear').onclick = this.#hear;
    setText(byId('hear'), strings.controls.hear);
    if (!PHONE.matches) this.sidebar.show('people');
    this.#listen();
    this.render();
  }

  /** Opens a tab and goes there, or closes it. @param {'people' | 'chat' | 'rooms'} tab */
  #toggle(tab) {
    this.sidebar.toggle(undefined, tab);
    if (this.sidebar.shown === 'chat') this.chat.focus();
    else if (this.sidebar.open) this.sidebar.focus();
  }

  /** Which devices are on. */
  get on() {
    return /** @type {const} */ (['microphone', 'camera']).filter((device) => this.media.isOn(device));
  }

  /** The tab Polls and the tab Rooms are fetched when they are first looked at. */
  #fetch() {
    const { client, sidebar: { shown } } = this;
    if (shown === 'polls' || client.polls.size > 0) {
      this.#later('polls', async () => {
        const { Polls } = await import('./polls.js');
        return new Polls(this.panels.polls, client, this.attempt);
      });
    }
    if (shown !== 'rooms') return;
    this.#later('rooms', async () => {
      const [{ RoomsPanel }] = await Promise.all([import('./rooms/panel.js'), style('page/rooms/rooms.css')]);
      return new RoomsPanel(this.panels.rooms, client, { attempt: this.attempt, toast, dialog, views: this.views });
    });
  }

  /** @param {string} name @param {() => Promise<Part>} make */
  #later(name, make) {
    if (this.#late.has(name)) return;
    this.#late.set(name, null);
    void this.attempt(async () => {
      try {
        const part = await make();
        if (!this.#open) return part.close?.();
        this.#late.set(name, part);
        part.render();
      } catch (error) {
        this.#late.delete(name); // to be tried again
        throw error;
      }
    });
  }

  /** Runs a command; a refusal is told, not thrown. @param {() => Promise<unknown>} work @returns {Promise<boolean>} */
  attempt = async (work) => {
    try {
      await work();
      return true;
    } catch (error) {
      if (this.#open) toast(deviceFault(error) ?? (error instanceof Error ? error.message : String(error)), 'error');
      return false;
    }
  };

  /** Many events, one rendering. */
  soon = () => {
    if (this.#renderAsked) return;
    this.#renderAsked = true;
    queueMicrotask(() => {
      this.#renderAsked = false;
      if (this.#open && this.client.state !== 'closed') this.render();
    });
  };

  render() {
    const { client } = this;
    const room = client.rooms.find((one) => one.id === client.room)?.name ?? client.room;
    setText(byId('room-name'), room);
    setText(byId('meeting-name'), client.meeting);
    document.title = strings.titleOf(room);
    const lost = client.state !== 'joined' || ['failed', 'disconnected'].includes(client.peer?.connectionState ?? '');
    byId('connection').classList.toggle('lost', lost);
    // While UDP is blocked that is tried for ever, and a banner says what is the matter.
    setText(byId('connection'), lost && !isBlocked(client) ? strings.controls.reconnecting : '');
    const { shown } = this.sidebar;
    this.controls.render(this.media, client.sends);
    this.controls.opened(shown);
    this.stage.render();
    this.inside.render();
    this.chat.render(shown === 'chat');
    if (shown === 'people') this.people.render();
    this.#badges();
    this.#fetch();
    for (const part of this.#late.values()) part?.render();
    if (this.#blocked !== (byId('hear').hidden === false)) byId('hear').hidden = !this.#blocked;
  }

  #badges() {
    const { client, chat } = this;
    this.controls.badge('chat', chat.unread);
    this.sidebar.badge('chat', chat.unread, strings.chat.unread(chat.unread));
    const open = [...client.polls.values()]
      .filter((poll) => poll.open && poll.own === null && poll.from !== client.id).length;
    this.sidebar.badge('polls', open, strings.polls.unanswered(open));
    const help = client.can('help.answer') ? client.help.size : 0;
    this.controls.badge('rooms', help);
    this.sidebar.badge('rooms', help, strings.people.help);
    this.controls.badge('people', this.sidebar.open ? 0 : open);
  }

  /** Ends everything that belongs to this meeting. */
  close() {
    this.#open = false;
    PHONE.removeEventListener('change', this.#fold);
    this.media.close();
    this.views.close();
    this.stage.close();
    this.inside.close();
    for (const part of this.#late.values()) part?.close?.();
    this.controls.close();
    this.sidebar.toggle(false);
    byId('audio').replaceChildren();
    byId('hear').hidden = true;
    this.element.hidden = true;
  }

  /** One audio element a slot: whoever is in it is heard. */
  #listen = () => {
    const { client } = this;
    const elements = client.slots.filter((slot) => slot.kind === 'audio').map((slot) => {
      const element = make('audio', { autoplay: true, 'data-mid': slot.mid });
      client.attach(slot, element);
      // Browsers want a click before they play sound.
      element.play().catch((error) => {
        if (error.name !== 'NotAllowedError') return;
        this.#blocked = true;
        this.soon();
      });
      return element;
    });
    byId('audio').replaceChildren(...elements);
    if (kept('speaker')) void this.#setSpeaker(kept('speaker')).catch(() => {}); // it is not there today
  };

  #hear = () => {
    this.#blocked = false;
    for (const element of byId('audio').querySelectorAll('audio')) void element.play();
    this.soon();
  };

  /** @param {string} id of the device that plays */
  #setSpeaker = async (id) => {
    for (const element of byId('audio').querySelectorAll('audio')) await element.setSinkId?.(id);
  };

  #onDevice = (/** @type {import('../client/client.js').RingfenceEvents['device']} */ event) => {
    const { source, track } = event.detail;
    const texts = track ? strings.devices.changed : strings.devices.lost;
    if (source === 'microphone' || source === 'camera') toast(texts[source]);
    if (!track) void this.attempt(() => this.media.lost(source));
  };

  #fold = () => {
    if (PHONE.matches) this.sidebar.toggle(false);
  };
}

/** A style sheet that is needed from now on. @param {string} href */
function style(href) {
  return new Promise((resolve, reject) => {
    if (document.querySelector(`link[href="${href}"]`)) return resolve(undefined);
    document.head.append(make('link', { rel: 'stylesheet', href, onload: resolve,
      onerror: () => reject(new Error(strings.ended.kinds.unreachable.title)) }));
  });
}
