/** The page while in a meeting: its parts, and when each of them is drawn. */

import { Controls } from './controls.js';
import { dialog } from './dialog.js';
import { byId, make, setText } from './elements.js';
import { OwnMedia } from './media.js';
import { RoomsPanel } from './rooms/panel.js';
import { Sidebar } from './sidebar.js';
import { Stage } from './stage.js';
import { strings } from './strings.js';
import { toast } from './toast.js';
import { Views } from './views.js';

/** @typedef {import('../client/client.js').Ringfence} Ringfence */

const PHONE = matchMedia('(max-width: 52rem)');

export class Meeting {
  #renderAsked = false;
  #open = true;

  /** @param {Ringfence} client joined */
  constructor(client) {
    this.client = client;
    this.element = byId('call');
    this.views = new Views(client);
    this.media = new OwnMedia(client, this.soon);
    this.stage = new Stage(byId('stage'), client, this.views);
    this.sidebar = new Sidebar(byId('panel'));
    this.controls = new Controls(byId('controls'), {
      toggle: (source) => void this.attempt(() => this.media.toggle(source)),
      people: () => this.sidebar.toggle(undefined, this.sidebar.shown ?? 'rooms'),
      chat: () => {},
      settings: () => {},
      leave: () => void client.leave(),
    });
    const tools = { attempt: this.attempt, toast, dialog, strings, views: this.views };
    this.rooms = new RoomsPanel(this.sidebar.add('rooms'), client, tools);
    this.sidebar.addEventListener('change', () => this.controls.opened(this.sidebar.shown));
    for (const type of ['model', 'slots', 'speaking', 'state', 'change']) client.addEventListener(type, this.soon);
    client.addEventListener('peer', this.#listen);
    PHONE.addEventListener('change', this.#fold);
    byId('hear').onclick = this.#hear;
    setText(byId('hear'), strings.controls.hear);
    this.element.hidden = false;
    if (!PHONE.matches) this.sidebar.show('rooms');
    this.#listen();
    this.render();
  }

  /** Runs a command; a refusal is told, not thrown. @param {() => Promise<unknown>} work @returns {Promise<boolean>} */
  attempt = async (work) => {
    try {
      await work();
      return true;
    } catch (error) {
      if (this.#open) toast(error instanceof Error ? error.message : String(error), 'error');
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
    setText(byId('connection'), lost ? strings.controls.reconnecting : '');
    this.controls.render(this.media, client.sends);
    this.stage.render();
    this.rooms.render();
  }

  /** Ends everything that belongs to this meeting. */
  close() {
    this.#open = false;
    PHONE.removeEventListener('change', this.#fold);
    this.media.close();
    this.views.close();
    this.stage.close();
    this.rooms.close();
    this.controls.close();
    this.sidebar.toggle(false);
    byId('audio').replaceChildren();
    byId('hear').hidden = true;
    this.element.hidden = true;
  }

  /** One audio element a slot: whoever is in it is heard. */
  #listen = () => {
    const elements = this.client.slots.filter((slot) => slot.kind === 'audio').map((slot) => {
      const element = make('audio', { autoplay: true, 'data-mid': slot.mid });
      element.srcObject = slot.stream;
      // Browsers want a click before they play sound.
      element.play().catch((error) => { if (error.name === 'NotAllowedError') byId('hear').hidden = false; });
      return element;
    });
    byId('audio').replaceChildren(...elements);
  };

  #hear = () => {
    byId('hear').hidden = true;
    for (const element of byId('audio').querySelectorAll('audio')) void element.play();
  };

  #fold = () => {
    if (PHONE.matches) this.sidebar.toggle(false);
  };
}
