/**
 * The rooms panel with a meeting that is made up: 300 rooms, where the work of an update is counted, and fingers.
 */

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { openBrowser } from './browsers.js';
import { middle } from './clicks.js';
import { mountMadeUp } from './made_up.js';
import { Server } from './server.js';
import { until } from './until.js';

/** @typedef {import('puppeteer-core').Page} Page */

const WAIT_MS = 15_000;

describe('rooms panel with a meeting that is made up', () => {
  /** @type {Server} */ let server;
  /** @type {import('puppeteer-core').Browser} */ let browser;
  /** @type {Page} */ let page;

  /** Counts nodes that are added, removed or written to, until the change is drawn. @param {() => void} change runs in the page */
  async function touched(change) {
    await page.evaluate(() => {
      window.touched = 0;
      window.watch = new MutationObserver((records) => {
        for (const { addedNodes, removedNodes, type } of records) {
          window.touched += type === 'childList' ? addedNodes.length + removedNodes.length : 1;
        }
      });
      const root = /** @type {Element} */ (document.querySelector('.rooms-panel'));
      window.watch.observe(root, { subtree: true, childList: true, attributes: true, characterData: true });
    });
    await page.evaluate(change);
    return page.evaluate(async () => {
      await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve, 100)));
      window.watch.disconnect();
      return window.touched;
    });
  }

  before(async () => {
    server = await Server.start();
    browser = await openBrowser('chromium');
    page = await browser.newPage();
  });
  after(async () => {
    await browser?.close();
    await server?.stop();
  });

  /** @param {Parameters<typeof mountMadeUp>[0]} size */
  async function mount(size) {
    await page.goto(server.url, { waitUntil: 'load' });
    await page.evaluate(mountMadeUp, size);
    await page.waitForSelector('.person', { timeout: WAIT_MS });
    await new Promise((resolve) => setTimeout(resolve, 500)); // rows near what is seen are made
  }

  test('300 rooms of 10: only what is near is there, and an update touches only what changed', async (t) => {
    await page.setViewport({ width: 1280, height: 800 });
    await mount({ rooms: 300, each: 10, unassigned: 200, state: 'started' });
    assert.equal((await page.$$('.room-card')).length, 301);
    const rows = (await page.$$('.person')).length;
    assert.ok(rows > 20 && rows < 200, `${rows} of 3201 people are rows`);
    const work = {
      nothing: await touched(() => window.madeUp.panel.render()),
      speaks: await touched(() => {
        const { client, panel } = window.madeUp;
        client.speaking = [client.rooms[0].participants[1], client.rooms[250].participants[0]];
        panel.render();
      }),
      moved: await touched(() => {
        const { client, panel } = window.madeUp;
        const [from, to] = [client.rooms[200], client.rooms[299]];
        const id = from.participants[0];
        client.rooms = client.rooms.map((/** @type {any} */ room) => {
          if (room === from) return { ...room, participants: room.participants.slice(1) };
          return room === to ? { ...room, participants: [...room.participants, id] } : { ...room };
        });
        panel.render();
      }),
      created: await touched(() => {
        const { client, panel } = window.madeUp;
        client.rooms = [...client.rooms, { ...client.rooms[300], id: 'b301', name: 'Room 301', participants: [] }];
        panel.render();
      }),
    };
    t.diagnostic(`${rows} rows; nodes touched: ${JSON.stringify(work)}`);
    assert.equal(work.nothing, 0);
    assert.ok(work.speaks <= 12, `who speaks: ${work.speaks}`);
    assert.ok(work.moved <= 30, `one moved among rooms out of sight: ${work.moved}`);
    assert.ok(work.created <= 30, `one room more: ${work.created}`);
  });

  test('the last of 3,000 is reached by the keyboard, and rows are made there and let go here', async () => {
    await page.focus('[data-list="b300"]');
    await page.keyboard.press('End');
    const active = await page.$eval('[data-list="b300"]', (list) => document.getElementById(list.getAttribute('aria-activedescendant') ?? '')?.checkVisibility());
    assert.equal(active, true, 'the row the keyboard is at is there');
    await until('rows of the beginning are gone', WAIT_MS, async () => (await page.$$('[data-list="b1"] .person')).length === 0);
    assert.ok((await page.$$('.person')).length < 200);
  });

  test('a finger that rests on a person takes them to another room; one that moves at once scrolls', async () => {
    await page.setViewport({ width: 390, height: 780, hasTouch: true, isMobile: true });
    await mount({ rooms: 2, each: 1, unassigned: 2, state: 'draft' });
    const from = await middle(page, '.person', /Bela/);
    const to = await middle(page, '[data-place="b1"] .room-head');
    const touch = await page.touchscreen.touchStart(from.x, from.y);
    await new Promise((resolve) => setTimeout(resolve, 500));
    await touch.move(to.x, to.y - 4);
    await touch.move(to.x, to.y);
    await touch.end();
    await until('Bela is assigned', WAIT_MS, async () => (await page.evaluate(() => window.madeUp.asked.join())).includes('assign [["p1"],"b1"]'));
    const asked = await page.evaluate(() => window.madeUp.asked.length);
    const quick = await page.touchscreen.touchStart(from.x, from.y);
    await quick.move(to.x, to.y);
    await quick.end();
    assert.equal(await page.evaluate(() => window.madeUp.asked.length), asked, 'nothing was moved');
  });
});
