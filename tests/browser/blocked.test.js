/**
 * A network that lets the WebSocket through and no UDP: the page says so and what to do, texts go on, and once UDP
 * gets through there are sound and pictures. Nothing is pretended: each datagram of media is dropped on its way.
 */

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { openBrowser } from './browsers.js';
import { found, press, write } from './clicks.js';
import { BEHIND, Firewall } from './firewall.js';
import { IO, SHARDS, Server } from './server.js';
import { until } from './until.js';
import { Visitor } from './visitor.js';

/** A path is given up after 15 s, repaired for 8 s, and then there is a new connection. */
const REBUILT_MS = 60_000;
const TOLD_MS = 25_000;
const READ_MS = 5_000;
const MENDED_MS = 40_000;

describe(`no UDP (--io ${IO})`, () => {
  /** @type {Server} */ let server;
  /** @type {Firewall} */ let firewall;
  /** @type {import('puppeteer-core').Browser} */ let browser;
  /** @type {Visitor[]} */ const both = [];

  before(async () => {
    server = await Server.start(...BEHIND);
    firewall = await Firewall.start(server.mediaPort, SHARDS);
    browser = await openBrowser('chromium');
    for (const name of ['Ada', 'Bob']) {
      both.push(await Visitor.open(browser, `${server.url}/?${new URLSearchParams({ meeting: 'blocked', name })}`));
    }
  });
  after(async () => {
    await browser?.close();
    firewall?.close();
    await server?.stop();
  });

  /** One writes, and the other reads it in the page. @param {number} from @param {string} text */
  async function says(from, text) {
    const [writer, reader] = from === 0 ? both : [...both].reverse();
    assert.ok(writer && reader);
    await write(writer.page, '#panel-chat textarea', text);
    await writer.page.keyboard.press('Enter');
    await until(`${text} is read`, READ_MS, () => reader.page.$$eval('.message-text', (all, wanted) => (
      all.filter((one) => one.textContent === wanted).length === 1), text));
  }

  test('who comes in is told in plain words what does not work and what to do', async (t) => {
    for (const { page } of both) {
      await press(page, '#join-now');
      await until('the meeting is joined', TOLD_MS, () => page.evaluate(() => window.ringfence?.state === 'joined'));
    }
    for (const { page } of both) {
      const ms = await until('the page says so', TOLD_MS, async () => await page.$('.banner.fault') !== null);
      const said = await (await found(page, '.banner.fault')).evaluate((banner) => banner.textContent ?? '');
      t.diagnostic(`after ${Math.round(ms)} ms: ${said}`);
      for (const part of [/Sound and pictures do not get through/, /UDP/, /Try another network/, /Chat works/]) {
        assert.match(said, part);
      }
    }
    assert.ok(firewall.dropped > 20, `${firewall.dropped} datagrams were dropped: the browsers did try`);
  });

  test('texts go both ways meanwhile', async () => {
    for (const { page } of both) await press(page, '#chat');
    await says(0, 'Do you hear me?');
    await says(1, 'No, but I read you.');
  });

  test('it is tried again and again, and still told, and texts still go', async () => {
    for (const { page } of both) {
      await until('there is a new connection', REBUILT_MS, () => page.evaluate(() => (
        window.ringfence.peersBuilt > 1 && window.ringfence.state === 'joined')));
      assert.ok(await page.$('.banner.fault'), 'it is still said');
    }
    await says(1, 'Still nothing.');
  });

  test('once UDP gets through nothing is said any more, and there are sound and pictures', async (t) => {
    firewall.shut = false;
    const since = performance.now();
    for (const visitor of both) {
      await until('there is media', MENDED_MS, () => visitor.page.evaluate(() => (
        window.ringfence.peer?.connectionState === 'connected')));
      await until('nothing is said', READ_MS, async () => await visitor.page.$('.banner.fault') === null);
    }
    t.diagnostic(`connected ${Math.round(performance.now() - since)} ms after the firewall was opened`);
    for (const { page } of both) {
      const tile = await found(page, '.tile.live:not(.own)');
      const frames = () => tile.$eval('video', (video) => video.getVideoPlaybackQuality().totalVideoFrames);
      const first = await frames();
      await until('pictures move', READ_MS, async () => await frames() > first + 3);
      await until('a voice is heard', READ_MS, () => page.evaluate(async () => (
        [...(await window.ringfence.peer?.getStats())?.values() ?? []].some((one) => (
          one.type === 'inbound-rtp' && one.kind === 'audio' && one.totalAudioEnergy > 0)))));
      assert.deepEqual(await page.$$eval('.message-text', (all) => all.map((one) => one.textContent)),
        ['Do you hear me?', 'No, but I read you.', 'Still nothing.'], 'every text once');
    }
    assert.deepEqual(both.flatMap((visitor) => visitor.complaints), []);
  });
});
