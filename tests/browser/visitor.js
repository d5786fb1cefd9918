/** A window of the meeting page with a size and a colour scheme, and what its browser complained of. */

import { press } from './clicks.js';
import { until } from './until.js';

/** @typedef {'dark' | 'light'} Theme */

export const SCREENS = { phone: { width: 390, height: 844 }, desktop: { width: 1440, height: 900 } };

/** What every visitor said that should not be: errors, warnings, answers of 400 and more, forbidden contents. */
export class Visitor {
  /** @type {string[]} */ complaints = [];
  /** Bytes of each file that was loaded, by path. @type {Map<string, number>} */ loaded = new Map();

  /** @param {import('puppeteer-core').Page} page */
  constructor(page) {
    this.page = page;
    page.on('pageerror', (error) => this.complaints.push(String(error)));
    page.on('console', (message) => {
      if (['error', 'warn'].includes(message.type())) this.complaints.push(message.text());
    });
    page.on('response', (response) => {
      const { pathname, host } = new URL(response.url());
      if (response.status() >= 400) this.complaints.push(`${response.status()} ${response.url()}`);
      const own = page.url() === 'about:blank' ? host : new URL(page.url()).host;
      if (host !== own) this.complaints.push(`loaded from elsewhere: ${response.url()}`);
      void response.buffer().then((body) => this.loaded.set(pathname, body.length), () => {});
    });
  }

  /**
   * @param {import('puppeteer-core').Browser} browser
   * @param {string} url
   * @param {{ screen?: keyof typeof SCREENS, theme?: Theme, scale?: number }} [look]
   */
  static async open(browser, url, look = {}) {
    // A window each: a tab in the background is not painted.
    const context = await browser.createBrowserContext();
    const page = await context.newPage();
    page.setDefaultTimeout(60_000);
    const visitor = new Visitor(page);
    await visitor.look(look);
    await page.evaluateOnNewDocument(() => {
      document.addEventListener('securitypolicyviolation', (event) => {
        console.error(`forbidden by the content policy: ${event.violatedDirective} ${event.blockedURI}`);
      });
    });
    await page.goto(url, { waitUntil: 'load' });
    return visitor;
  }

  /**
   * Resolves when the page has taken it in. It hears of another width with its next frame: who looks before whether
   * the panel is open may find it open, and closed by that when it is clicked.
   * @param {{ screen?: keyof typeof SCREENS, theme?: Theme, scale?: number }} look
   */
  async look({ screen = 'desktop', theme = 'light', scale = 1 }) {
    const { width } = SCREENS[screen];
    await this.page.setViewport({ ...SCREENS[screen], deviceScaleFactor: scale });
    await this.page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: theme }]);
    await until(`the page is ${width} px wide`, 10_000, () => this.page.evaluate((wanted) => innerWidth === wanted, width));
    await this.page.evaluate(() => new Promise((resolve) => {
      requestAnimationFrame(() => requestAnimationFrame(resolve));
    }));
  }

  /** Joins by the form, as it is filled. */
  async join() {
    await this.page.click('#join-now');
    await this.joined();
  }

  joined() {
    return until('the meeting is joined', 30_000, () => this.page.evaluate(() => (
      window.ringfence?.state === 'joined' && window.ringfence.peer?.connectionState === 'connected'
        && !document.getElementById('call')?.hidden)));
  }

  /** @returns {Promise<string>} own id in the meeting */
  id() {
    return this.page.evaluate(() => window.ringfence.id);
  }

  /** Clicks what can be seen. @param {string} selector */
  async click(selector) {
    await press(this.page, selector);
  }

  close() {
    return this.page.browserContext().close();
  }
}
