/**
 * The page as people use it: the form, the keyboard, devices (fake ones), strangers' names, and no
 * complaint of the browser about its content policy.
 */

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { openBrowser } from './browsers.js';
import { IO, Server } from './server.js';
import { until } from './until.js';

const HOSTILE = '<img src=x onerror="window.hurt=1">';

describe(`page (--io ${IO})`, () => {
  /** @type {Server} */ let server;
  /** @type {import('puppeteer-core').Browser} */ let browser;
  /** @type {import('puppeteer-core').Page} */ let mia;
  /** @type {import('puppeteer-core').Page} */ let noah;
  /** @type {string[]} */ const complaints = [];

  async function openPage() {
    // A window each: a tab in the background is not painted.
    const context = await browser.createBrowserContext();
    const page = await context.newPage();
    page.on('pageerror', (error) => complaints.push(String(error)));
    page.on('console', (message) => {
      if (['error', 'warn'].includes(message.type())) complaints.push(message.text());
    });
    page.on('response', (response) => {
      if (response.status() >= 400) complaints.push(`${response.status()} ${response.url()}`);
    });
    await page.goto(server.url, { waitUntil: 'load' });
    return page;
  }

  /** Joins by the keyboard alone. @param {import('puppeteer-core').Page} page @param {string} name */
  async function join(page, name) {
    await page.waitForFunction(() => document.activeElement?.getAttribute('name') === 'name', { timeout: 5_000 });
    await page.keyboard.type(name);
    await page.keyboard.press('Tab');
    await page.keyboard.type('page'); // replaces what is selected
    await page.keyboard.press('Enter');
    await page.waitForFunction(
      () => window.ringfence?.peer?.connectionState === 'connected'
        || document.getElementById('join-error')?.textContent, { timeout: 20_000 });
    assert.equal(await page.$eval('#join-error', (element) => element.textContent), '');
  }

  before(async () => {
    server = await Server.start();
    browser = await openBrowser('chromium');
    mia = await openPage();
    noah = await openPage();
  });
  after(async () => {
    await browser?.close();
    await server?.stop();
  });

  test('the form is joined by keyboard, microphone and camera come on', async () => {
    await join(mia, 'Mia');
    await join(noah, HOSTILE);
    for (const page of [mia, noah]) {
      await page.waitForSelector('#microphone[aria-pressed="true"]', { timeout: 10_000 });
      await page.waitForSelector('#camera[aria-pressed="true"]', { timeout: 10_000 });
    }
  });

  test('each sees the other move in a tile with their name, which is text', async () => {
    for (const [page, name] of /** @type {const} */ ([[mia, HOSTILE], [noah, 'Mia']])) {
      const tile = await page.waitForSelector('.tile.live:not(.own)', { timeout: 15_000 });
      assert.equal(await tile?.$eval('.tile-name', (element) => element.textContent), name);
      const frames = () => tile?.$eval('video', (video) => video.getVideoPlaybackQuality().totalVideoFrames) ?? 0;
      const first = await frames();
      await until('frames go on', 5_000, async () => await frames() > first + 3);
    }
    assert.equal(await mia.evaluate(() => 'hurt' in window), false);
    assert.equal(await mia.$$eval('#call img', (images) => images.length), 0);
  });

  test('the microphone is muted by the key m, and others are told', async () => {
    await mia.keyboard.press('m');
    await mia.waitForSelector('#microphone[aria-pressed="false"]', { timeout: 5_000 });
    await noah.waitForSelector('.tile.muted:not(.own)', { timeout: 5_000 });
    await mia.keyboard.press('m');
    await mia.waitForSelector('#microphone[aria-pressed="true"]', { timeout: 5_000 });
    await noah.waitForSelector('.tile:not(.own):not(.muted)', { timeout: 5_000 });
  });

  test('a camera that is switched off is not looked at any more', async () => {
    await mia.keyboard.press('v');
    await noah.waitForSelector('.tile.camera:not(.own):not(.live)', { timeout: 6_000 });
    await mia.keyboard.press('v');
    await noah.waitForSelector('.tile.camera.live:not(.own)', { timeout: 6_000 });
  });

  test('who leaves is gone from the other page, and can join again', async () => {
    await noah.click('#leave');
    await noah.waitForSelector('#ended:not([hidden])', { timeout: 5_000 });
    await until('Mia is alone', 5_000, async () => (await mia.$$('.tile:not(.own)')).length === 0);
    await noah.click('#rejoin');
    await mia.waitForSelector('.tile.live:not(.own)', { timeout: 20_000 });
  });

  test('the list of rooms fits a phone and opens and closes', async () => {
    await mia.setViewport({ width: 390, height: 780 });
    const visible = () => mia.$eval('#panel', (panel) => panel.checkVisibility());
    await until('the panel is hidden', 2_000, async () => !await visible());
    await mia.click('#people');
    await until('the panel is there', 2_000, visible);
    const wide = await mia.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    assert.ok(wide <= 0, `nothing sticks out of the screen: ${wide} px`);
    await mia.click('#people');
    await until('the panel is hidden again', 2_000, async () => !await visible());
  });

  test('what is shared is large, people stand beside it, and both end with it', async () => {
    await mia.setViewport({ width: 1200, height: 800 });
    /** @param {string} selector */
    const area = (selector) => mia.$eval(selector, (tile) => tile.clientWidth * tile.clientHeight);
    const before = await area('.tile.camera.own');
    await noah.evaluate(async () => {
      const canvas = document.createElement('canvas');
      const brush = canvas.getContext('2d');
      setInterval(() => brush?.fillRect(Math.random() * 300, 0, 9, 150), 100);
      await window.ringfence.publish('screen', canvas.captureStream(10).getVideoTracks()[0] ?? null);
    });
    await mia.waitForSelector('.stage.sharing .tile.shared.live', { timeout: 15_000 });
    await until('the screen is the largest', 5_000, async () => (
      await area('.tile.shared') > 4 * await area('.tile.camera.own')));
    await noah.evaluate(() => window.ringfence.publish('screen', null));
    await until('people are large again', 20_000, async () => await area('.tile.camera.own') >= before * 0.9);
  });

  test('where the browser wants a click before it plays sound, there is something to click', async () => {
    const zoe = await openPage();
    await zoe.evaluate(() => {
      const { play } = HTMLMediaElement.prototype;
      let clicked = false;
      document.getElementById('hear')?.addEventListener('click', () => { clicked = true; }, true);
      HTMLMediaElement.prototype.play = function played() {
        const refused = this instanceof HTMLAudioElement && !clicked;
        return refused ? Promise.reject(new DOMException('no click yet', 'NotAllowedError')) : play.call(this);
      };
    });
    await join(zoe, 'Zoe');
    await zoe.waitForSelector('#hear', { visible: true, timeout: 5_000 });
    await zoe.click('#hear');
    await zoe.waitForSelector('#hear', { hidden: true, timeout: 5_000 });
    await until('sound plays', 5_000, () => zoe.$$eval('audio', (all) => (
      all.length > 0 && all.every((one) => !one.paused))));
    await zoe.click('#leave');
  });

  test('without devices one is told what to do, and joins all the same', async () => {
    const context = await browser.createBrowserContext();
    const page = await context.newPage();
    await page.evaluateOnNewDocument(() => {
      navigator.mediaDevices.getUserMedia = async (wanted) => {
        throw wanted?.video ? new DOMException('none', 'NotFoundError') : new DOMException('no', 'NotAllowedError');
      };
    });
    await page.goto(`${server.url}/?meeting=page&name=Ida`, { waitUntil: 'load' });
    await page.waitForFunction(() => /No camera was/.test(document.querySelector('.device-note')?.textContent ?? ''));
    const note = await page.$eval('.device-note', (element) => element.textContent ?? '');
    assert.match(note, /Allow it at the left of the address/);
    await page.click('#join-now');
    await page.waitForFunction(() => window.ringfence?.peer?.connectionState === 'connected', { timeout: 20_000 });
    await page.waitForSelector('#microphone[aria-pressed="false"].off', { timeout: 5_000 });
    await page.click('#microphone');
    await page.waitForFunction(() => /Allow it/.test(document.querySelector('.toast.error')?.textContent ?? ''));
    await context.close();
  });

  test('the server tells browsers to run nothing from elsewhere, and they had nothing to complain of', async () => {
    const response = await fetch(server.url);
    assert.match(response.headers.get('content-security-policy') ?? '', /default-src 'self'/);
    assert.deepEqual(complaints, []);
  });
});
