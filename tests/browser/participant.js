/** A person in a browser of their own: joins by the page, speaks with a tone, shows a colour. */

import assert from 'node:assert/strict';

import { openBrowser } from './browsers.js';
import { installProbe } from './probe.js';
import { until } from './until.js';

/** @typedef {import('./probe.js').Voice} Voice */
/** @typedef {import('./probe.js').Senses} Senses */

/** Tones no two of which are harmonics of each other, and colours far apart. @type {Voice[]} */
export const VOICES = [
  { name: 'Ada', hz: 510, rgb: [200, 40, 40] },
  { name: 'Bob', hz: 730, rgb: [40, 160, 60] },
  { name: 'Cleo', hz: 1130, rgb: [50, 70, 210] },
  { name: 'Dan', hz: 1490, rgb: [215, 200, 50] },
  { name: 'Slides', hz: 1930, rgb: [200, 60, 190] },
  { name: 'Whip', hz: 2370, rgb: [50, 190, 200] },
  { name: 'Eve', hz: 2710, rgb: [130, 130, 130] },
  { name: 'Fay', hz: 3210, rgb: [235, 235, 235] },
];

const JOIN_MS = 30_000;
/** Browsers start slowly on a machine that builds something else. */
const LOAD_MS = 120_000;

export class Participant {
  /** @type {string[]} Errors of the page: there should be none. */
  errors = [];

  /**
   * @param {string} name
   * @param {{ close(): Promise<void> }} browser of this one alone, or this one's part of it
   * @param {import('puppeteer-core').Page} page
   */
  constructor(name, browser, page) {
    this.name = name;
    this.browser = browser;
    this.page = page;
  }

  /**
   * @param {import('./browsers.js').Kind} kind
   * @param {import('./server.js').Server} server
   * @param {string} meeting
   * @param {string} name
   * @param {string} [url] of the page, if not straight from the server
   * @param {import('puppeteer-core').Browser} [shared] with others; else one's own is opened
   */
  static async join(kind, server, meeting, name, url = server.url, shared = undefined) {
    const browser = shared ? await shared.createBrowserContext()
      : await openBrowser(kind, VOICES.find((voice) => voice.name === name)?.hz);
    try {
      const page = await browser.newPage();
      page.setDefaultNavigationTimeout(LOAD_MS);
      if (shared) await page.setViewport({ width: 800, height: 600, deviceScaleFactor: 0.5 }); // less to paint
      const person = new Participant(name, browser, page);
      page.on('pageerror', (error) => person.errors.push(String(error)));
      const query = new URLSearchParams({ meeting, name, auto: '1' });
      await page.goto(`${url}/?${query}`, { waitUntil: 'load' });
      await person.joined(server);
      await page.evaluate(installProbe, VOICES);
      await page.evaluate((who) => window.probe.publish(who, ['microphone', 'camera']), name);
      return person;
    } catch (error) {
      await browser.close();
      throw error;
    }
  }

  /** Waits until the page is in the meeting and its connection stands. @param {import('./server.js').Server} server */
  joined(server) {
    let seen = '';
    return until(`${this.name} is connected`, JOIN_MS, async () => {
      seen = await this.page.evaluate(() => {
        const { state, reason, peer } = window.ringfence ?? {};
        return `${state} ${peer?.connectionState} ${reason}`;
      });
      return seen.startsWith('joined connected');
    }, () => `last: ${seen}\nserver: ${server.log.slice(-3_000)}`, () => seen.startsWith('closed'));
  }

  /** Own id in the meeting. @returns {Promise<string>} */
  id() {
    return this.page.evaluate(() => window.ringfence.id);
  }

  /**
   * Exactly these are heard and seen, at the latest `timeoutMs` after `since`.
   * @param {Partial<Senses>} expected
   * @param {number} timeoutMs
   * @param {number} [since] epoch ms
   * @returns {Promise<number>} after how many ms it was so
   */
  async sensed(expected, timeoutMs, since = Date.now()) {
    const result = await this.page.evaluate((...args) => window.probe.sensed(...args), expected, since, timeoutMs);
    const detail = `${this.name} after ${result.ms} ms: ${JSON.stringify(result.last)}`;
    assert.ok(result.ok, `${detail}, expected ${JSON.stringify(expected)}`);
    assert.ok(result.ms <= timeoutMs, `late: ${detail}, before ${JSON.stringify(result.before)}`);
    return Math.max(0, result.ms);
  }

  /** Which slots packets arrive in. @param {number} ms */
  flowing(ms) {
    return this.page.evaluate((time) => window.probe.flowing(time), ms);
  }

  /** From now on nothing of the connection may change. */
  watch() {
    return this.page.evaluate(() => window.probe.watch());
  }

  /** What did change nevertheless. */
  changes() {
    return this.page.evaluate(() => window.probe.changes());
  }

  /** Clicks what a user would click. @param {string} selector @returns {Promise<number>} when, in epoch ms */
  async click(selector) {
    let at = 0;
    await until(`${this.name} can click ${selector}`, 5_000, async () => {
      at = await this.page.evaluate((what) => {
        const element = /** @type {HTMLElement | null} */ (document.querySelector(what));
        if (!element?.checkVisibility()) return 0;
        const now = performance.timeOrigin + performance.now();
        element.click();
        return now;
      }, selector);
      return at > 0;
    });
    return at;
  }

  async close() {
    await this.browser.close();
  }
}

/** Closes all, even when one of them fails. @param {Participant[]} people */
export async function closeAll(people) {
  await Promise.allSettled(people.map((person) => person.close()));
}
