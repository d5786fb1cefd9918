/** The row of buttons below the stage: own media, the side panel, leaving. */

import { button, make, setAttribute, setIcon, setText } from './elements.js';
import { strings } from './strings.js';

/** @typedef {import('./media.js').Own} Own */

/** Which key presses which button. */
const KEYS = { m: 'microphone', v: 'camera', s: 'screen', p: 'people', c: 'chat', r: 'rooms' };

/**
 * @typedef {object} Actions
 * @property {(source: Own) => void} toggle
 * @property {(tab: 'people' | 'chat' | 'rooms') => void} tab opens it, or closes it
 * @property {() => void} settings
 * @property {() => void} leave
 */

export class Controls {
  /** @param {HTMLElement} element @param {Actions} actions */
  constructor(element, actions) {
    const text = strings.controls;
    /** @param {Own} source @param {string} label */
    const media = (source, label) => button(label, () => actions.toggle(source), {
      id: source, icon: source, 'aria-pressed': 'false', 'aria-keyshortcuts': source === 'camera' ? 'v' : source[0],
    });
    this.microphone = media('microphone', strings.devices.microphone);
    this.camera = media('camera', strings.devices.camera);
    this.screen = media('screen', text.screen);
    this.screen.hidden = !navigator.mediaDevices?.getDisplayMedia;
    this.tabs = /** @type {const} */ (['people', 'chat', 'rooms']).map((name) => {
      const badge = make('span', { class: 'badge', hidden: true, 'aria-hidden': 'true' });
      const element = button(strings.tabs[name], () => actions.tab(name), {
        id: name, icon: name, 'aria-keyshortcuts': name[0], 'aria-expanded': 'false', 'aria-controls': 'panel',
        title: `${strings.tabs[name]} (${name[0]?.toUpperCase()})`,
      });
      element.append(badge);
      return { name, element, badge };
    });
    const settings = button(text.settings, actions.settings, { id: 'settings', icon: 'settings' });
    const leave = button(text.leave, actions.leave, { id: 'leave', icon: 'leave', class: 'danger solid' });
    element.replaceChildren(this.microphone, this.camera, this.screen, make('span', { class: 'gap' }),
      ...this.tabs.map((tab) => tab.element), settings, leave);
    document.addEventListener('keydown', this.#onKey);
    this.close = () => {
      document.removeEventListener('keydown', this.#onKey);
      element.replaceChildren();
    };
  }

  /**
   * @param {import('./media.js').OwnMedia} media
   * @param {{ audio: boolean, video: boolean, share: boolean }} sends what the role may send
   */
  render(media, sends) {
    const text = strings.controls;
    const rows = /** @type {const} */ ([
      [this.microphone, 'microphone', sends.audio, text.microphoneOff, text.microphoneOn],
      [this.camera, 'camera', sends.video, text.cameraOff, text.cameraOn],
      [this.screen, 'screen', sends.share, text.screenOff, text.screenOn],
    ]);
    for (const [element, source, may, off, on] of rows) {
      const isOn = media.isOn(source);
      setAttribute(element, 'aria-pressed', isOn);
      setAttribute(element, 'title', may ? (isOn ? off : on) : text.mayNot);
      element.disabled = !may && !isOn;
      element.classList.toggle(source === 'screen' ? 'on' : 'off', source === 'screen' ? isOn : !isOn);
      if (source !== 'screen') setIcon(element, isOn ? source : `${source}-off`);
    }
  }

  /** @param {string | null} shown tab of the side panel */
  opened(shown) {
    for (const { name, element } of this.tabs) {
      setAttribute(element, 'aria-expanded', shown === name);
      element.classList.toggle('shown', shown === name);
    }
  }

  /** @param {'people' | 'chat' | 'rooms'} name @param {number} count of what is new there */
  badge(name, count) {
    const tab = this.tabs.find((one) => one.name === name);
    if (!tab) return;
    tab.badge.hidden = count === 0;
    setText(tab.badge, count > 99 ? '99+' : String(count));
    const label = strings.tabs[name];
    setAttribute(tab.element, 'aria-label', count ? strings.controls.news(label, count) : label);
  }

  #onKey = (/** @type {KeyboardEvent} */ event) => {
    const { target } = event;
    const typing = target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement
      || (target instanceof HTMLInputElement && !['checkbox', 'radio', 'button'].includes(target.type));
    const within = target instanceof Element && target.closest('dialog, [popover]');
    if (typing || within || event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
    const name = KEYS[/** @type {keyof typeof KEYS} */ (event.key.toLowerCase())];
    const element = name && /** @type {HTMLButtonElement} */ (document.getElementById(name));
    if (!element || element.hidden) return;
    event.preventDefault(); // else the key is typed into the field that it opens
    element.click();
  };
}
