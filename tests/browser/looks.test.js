/**
 * Looks and manners of the meeting page: no serious fault for those who use a screen reader, a keyboard or little
 * light; nothing moves when people come and go; strangers' names are text everywhere; no secret stays in the
 * address; and the whole page is small.
 */

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { after, before, describe, test } from 'node:test';

import { openBrowser } from './browsers.js';
import { IO, Server } from './server.js';
import { until } from './until.js';
import { SCREENS, Visitor } from './visitor.js';

const AXE = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const HOSTILE = '<img src=x onerror="window.hurt=1">';
const WEIGHT_MAX = 150 * 1024;
const LOOKS = /** @type {const} */ (['dark', 'light']).flatMap((theme) => (
  /** @type {(keyof typeof SCREENS)[]} */ (Object.keys(SCREENS)).map((screen) => ({ theme, screen }))));

/** What axe calls serious or critical, as text. @param {import('puppeteer-core').Page} page @param {string} state */
async function faults(page, state) {
  // By the debugger, which the content policy of the page does not concern.
  if (!await page.evaluate(() => 'axe' in window)) await page.evaluate(AXE);
  // Colours are looked at when they have come to rest.
  await page.evaluate(() => Promise.all(document.getAnimations().map((one) => one.finished.catch(() => {}))));
  return page.evaluate(async (where) => {
    const { violations } = await /** @type {any} */ (window).axe.run(document, { resultTypes: ['violations'] });
    return violations
      .filter((/** @type {any} */ one) => ['serious', 'critical'].includes(one.impact))
      .map((/** @type {any} */ one) => `${where}: ${one.id}: ${one.nodes.map((/** @type {any} */ node) => (
        `${node.target.join(' ')} (${node.any[0]?.message ?? node.all[0]?.message ?? ''})`)).slice(0, 4).join('; ')}`);
  }, state);
}

describe(`looks (--io ${IO})`, () => {
  /** @type {Server} */ let server;
  /** @type {import('puppeteer-core').Browser} */ let browser;
  /** @type {Visitor[]} */ const all = [];

  /** @param {string} query @param {Parameters<typeof Visitor.open>[2]} [look] */
  async function open(query, look) {
    const visitor = await Visitor.open(browser, `${server.url}/?${query}`, look);
    all.push(visitor);
    return visitor;
  }

  /** @param {string} meeting @param {string} name */
  async function enter(meeting, name) {
    const visitor = await open(new URLSearchParams({ meeting, name, auto: '1' }).toString());
    await visitor.joined();
    return visitor;
  }

  before(async () => {
    server = await Server.start();
    browser = await openBrowser('chromium');
  });
  after(async () => {
    await browser?.close();
    await server?.stop();
  });

  test('lobby and end have no serious fault, in any look', async () => {
    const visitor = await open('meeting=lobby&name=Ada');
    await visitor.page.waitForSelector('.mirror video:not([hidden])', { timeout: 10_000 });
    for (const look of LOOKS) {
      await visitor.look(look);
      assert.deepEqual(await faults(visitor.page, `lobby ${Object.values(look)}`), []);
    }
    await visitor.join();
    await visitor.click('#leave');
    await visitor.page.waitForSelector('#rejoin', { visible: true });
    for (const look of LOOKS) {
      await visitor.look(look);
      assert.deepEqual(await faults(visitor.page, `end ${Object.values(look)}`), []);
    }
    await visitor.close();
  });

  test('no state of the meeting has a serious fault, in any look', async () => {
    const ada = await enter('states', 'Ada Lovelace');
    const bob = await enter('states', 'Bob');
    await ada.page.evaluate(async (id) => {
      const client = window.ringfence;
      await client.chat('Good morning.');
      await client.chat('Only for you.', id);
      await client.createPoll({ question: 'Shall we?', options: ['Yes', 'No'] });
      const [room] = await client.breakout.create({ count: 1 });
      await client.breakout.start({ consent: 'ask', timer: 300 });
      await client.breakout.invite([id], room ?? '', { timeout: 300 });
      await client.broadcast('To all rooms.', ['main']);
    }, await bob.id());
    await bob.page.waitForSelector('.banner .accept', { visible: true });
    /** @type {string[]} */
    const found = [];
    for (const look of LOOKS) {
      const said = Object.values(look).join(' ');
      for (const visitor of [ada, bob]) {
        await visitor.look(look);
        for (const tab of ['people', 'chat', 'polls', 'rooms']) {
          if (!await visitor.page.$('.panel.open')) await visitor.click('#people');
          await visitor.click(`#tab-${tab}`);
          if (tab === 'rooms') await visitor.page.waitForSelector('.rooms-panel');
          found.push(...await faults(visitor.page, `${tab} ${said} ${visitor === ada ? 'host' : 'guest'}`));
        }
      }
      await ada.click('#settings');
      await ada.page.waitForSelector('dialog[open]');
      found.push(...await faults(ada.page, `devices ${said}`));
      await ada.page.keyboard.press('Escape');
      await ada.click('#tab-polls');
      await ada.click('#new-poll');
      found.push(...await faults(ada.page, `new poll ${said}`));
      await ada.page.keyboard.press('Escape');
      await ada.click('#tab-people');
      await ada.click('.roster li:nth-child(2) button');
      found.push(...await faults(ada.page, `menu of a person ${said}`));
      await ada.page.keyboard.press('Escape');
    }
    await bob.click('.banner .accept');
    await bob.page.waitForSelector('#return', { visible: true });
    for (const look of LOOKS) {
      await bob.look(look);
      found.push(...await faults(bob.page, `inside ${Object.values(look).join(' ')}`));
    }
    assert.deepEqual([...new Set(found)], []);
    await ada.close();
    await bob.close();
  });

  test('tiles stay where they are when a fourth person joins and leaves', async () => {
    const ada = await enter('places', 'Ada');
    const others = [await enter('places', 'Bob'), await enter('places', 'Cleo')];
    /** @param {number} count */
    const tiles = (count) => until(`there are ${count} tiles`, 10_000, async () => (
      (await ada.page.$$('.tile')).length === count));
    /** Where the tiles of these people are. @param {string[]} ids */
    const places = (ids) => ada.page.evaluate((people) => people.map((id) => {
      const box = document.querySelector(`.tile[data-participant="${id}"]`)?.getBoundingClientRect();
      return `${box?.x} ${box?.y} ${box?.width} ${box?.height}`;
    }), ids);
    await tiles(3);
    const ids = await Promise.all([ada, ...others].map((one) => one.id()));
    await new Promise((resolve) => setTimeout(resolve, 600)); // the last transition is over
    const first = await places(ids);
    assert.equal(new Set(first).size, 3, `three places: ${first}`);
    // Each frame from now on is compared, not only the end.
    await ada.page.evaluate((people) => {
      const boxes = () => people.map((id) => {
        const box = document.querySelector(`.tile[data-participant="${id}"]`)?.getBoundingClientRect();
        return `${box?.x} ${box?.y} ${box?.width} ${box?.height}`;
      }).join();
      const before = boxes();
      const look = () => {
        if (boxes() !== before) document.body.dataset.moved = boxes();
        requestAnimationFrame(look);
      };
      look();
    }, ids);
    const dan = await enter('places', 'Dan');
    await tiles(4);
    await new Promise((resolve) => setTimeout(resolve, 600));
    assert.deepEqual(await places(ids), first, 'with four');
    await dan.click('#leave');
    await tiles(3);
    await new Promise((resolve) => setTimeout(resolve, 5_500)); // when a grid may become smaller
    assert.deepEqual(await places(ids), first, 'with three again');
    assert.equal(await ada.page.evaluate(() => document.body.dataset.moved), undefined, 'and never in between');
    await Promise.all([ada, dan, ...others].map((one) => one.close()));
  });

  test('from the lobby to the end by the keyboard alone', async () => {
    const { page } = await open('meeting=keys');
    /** @param {string} selector */
    const tabTo = async (selector) => {
      for (let presses = 0; presses < 60; presses += 1) {
        if (await page.evaluate((what) => document.activeElement?.matches(what), selector)) return;
        await page.keyboard.press('Tab');
      }
      assert.fail(`60 times Tab do not reach ${selector}`);
    };
    await page.waitForFunction(() => document.activeElement?.getAttribute('name') === 'name');
    await page.keyboard.type('Kay');
    await tabTo('#join-now');
    await page.keyboard.press('Enter');
    await page.waitForSelector('#microphone:focus', { timeout: 20_000 });
    await page.waitForSelector('#microphone[aria-pressed="true"]', { timeout: 10_000 });
    await page.keyboard.press('Space');
    await page.waitForSelector('#microphone[aria-pressed="false"]', { timeout: 5_000 });
    await page.keyboard.press('c');
    await page.waitForSelector('#panel-chat:not([hidden])', { timeout: 5_000 });
    await page.waitForFunction(() => document.activeElement?.matches('.write textarea'));
    await page.keyboard.type('By keyboard');
    await page.keyboard.press('Enter');
    await page.waitForFunction(() => document.querySelector('.message-text')?.textContent === 'By keyboard');
    await page.keyboard.press('Escape');
    await page.waitForSelector('#chat:focus');
    await page.keyboard.press('p');
    await page.waitForSelector('#tab-people:focus');
    await page.keyboard.press('ArrowRight');
    await page.waitForSelector('#tab-chat[aria-selected="true"]:focus');
    await tabTo('#leave');
    await page.keyboard.press('Enter');
    await page.waitForSelector('#rejoin:focus', { timeout: 5_000 });
  });

  test('a name is text in tiles, roster, chat, polls and invitations', async () => {
    const ada = await enter('names', 'Ada');
    const other = await enter('names', HOSTILE);
    await other.page.evaluate((text) => window.ringfence.chat(text), HOSTILE);
    await ada.page.evaluate(async (text, id) => {
      await window.ringfence.roles.change(id, 'host', { force: true });
      await window.ringfence.createPoll({ question: text, options: [text, 'No'] });
    }, HOSTILE, await other.id());
    await other.page.evaluate(async (id) => {
      await new Promise((resolve) => setTimeout(resolve, 500)); // the new role is known
      const [room] = await window.ringfence.breakout.create({ count: 1, names: ['<b>room</b>'] });
      await window.ringfence.breakout.start({ consent: 'ask' });
      await window.ringfence.breakout.invite([id], room ?? '');
    }, await ada.id());
    const where = { people: '.roster-name', chat: '.message-text', polls: '.poll h3', rooms: '.rooms-panel' };
    for (const [tab, selector] of Object.entries(where)) {
      await ada.click(`#tab-${tab}`);
      await ada.page.waitForFunction((what, text) => (
        [...document.querySelectorAll(what)].some((one) => one.textContent?.includes(text))),
      { timeout: 10_000 }, selector, HOSTILE);
    }
    await ada.page.waitForFunction((text) => (
      document.querySelector('.banner')?.textContent?.includes(text)), {}, HOSTILE);
    assert.equal(await ada.page.evaluate(() => 'hurt' in window), false);
    assert.equal(await ada.page.evaluate(() => document.querySelectorAll('#call img, #call b').length), 0);
    await ada.close();
    await other.close();
  });

  test('a token is gone from the address before joining, and kept for the tab only', async () => {
    const claims = Buffer.from(JSON.stringify({ name: 'Ada', video: { room: 'vault' } })).toString('base64url');
    const token = `e30.${claims}.not-signed`;
    const visitor = await open(new URLSearchParams({ token }).toString());
    const { page } = visitor;
    const state = () => page.evaluate(() => ({
      address: location.href, kept: JSON.stringify({ ...localStorage }), session: JSON.stringify({ ...sessionStorage }),
      text: document.body.textContent ?? '',
    }));
    const { address, kept, session, text } = await state();
    assert.ok(!address.includes('token') && !address.includes(claims), address);
    assert.ok(!kept.includes(claims), 'not in what outlives the tab');
    assert.ok(session.includes(claims), 'there after a reload');
    assert.match(text, /You join as Ada\. Meeting: vault\./);
    await page.reload({ waitUntil: 'load' });
    await visitor.click('#join-now');
    await page.waitForFunction(() => document.getElementById('join-error')?.textContent);
    const said = await page.$eval('#join-error', (element) => element.textContent);
    assert.match(said ?? '', /Ask whoever invited you for a new link/, 'and it says what to do');
    assert.ok(!(await state()).address.includes(claims));
    await visitor.close();
    all.splice(all.indexOf(visitor), 1); // a refused token is meant to be complained of
  });

  test('all files that the meeting page loads together weigh at most 150 KB', async (t) => {
    // As the binary serves its own files: a folder of `--web` is the operator's, and sent as it is.
    const folder = process.env.RINGFENCE_WEB;
    delete process.env.RINGFENCE_WEB;
    const plain = await Server.start();
    if (folder) process.env.RINGFENCE_WEB = folder;
    try {
      for (const name of ['the first, who is host', 'a guest']) {
        const query = new URLSearchParams({ meeting: 'weight', name, auto: '1' });
        const visitor = await Visitor.open(browser, `${plain.url}/?${query}`);
        all.push(visitor);
        await visitor.joined();
        await new Promise((resolve) => setTimeout(resolve, 2_000));
        const bytes = [...visitor.loaded.values()].reduce((sum, one) => sum + one, 0);
        t.diagnostic(`${name}: ${visitor.loaded.size} files, ${bytes} bytes`);
        assert.ok(visitor.loaded.size > 5, `${visitor.loaded.size} files were seen`);
        assert.ok(bytes <= WEIGHT_MAX, `${bytes} bytes: ${[...visitor.loaded].sort((a, b) => b[1] - a[1]).join(' ')}`);
      }
    } finally {
      await plain.stop();
    }
  });

  test('no browser complained, of its content policy or anything else', () => {
    assert.deepEqual(all.flatMap((visitor) => visitor.complaints), []);
  });
});
