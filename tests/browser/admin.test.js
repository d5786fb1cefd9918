/**
 * The operator's page in Chromium, before a real server with a real meeting: the token, meetings and what is done
 * to people, graphs beside `/metrics`, the drain switch, accessibility, and no complaint of the browser.
 *
 * The operator comes as through a proxy (`X-Forwarded-For`), so that the development server asks for a token.
 */

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { after, before, describe, test } from 'node:test';

import { openBrowser } from './browsers.js';
import { closeAll, Participant } from './participant.js';
import { BINARY, IO, Server } from './server.js';
import { until } from './until.js';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const HOSTILE = '<img src=x onerror="window.hurt=1">';
const SECRET = 'ringfence-development-key-known-to-everybody';
const MEETING = 'council';

/** A token of the development key. @param {object} video @param {number} [ttl] in seconds @param {string} [secret] */
function token(video, ttl = 600, secret = SECRET) {
  const encoded = (/** @type {unknown} */ part) => Buffer.from(JSON.stringify(part)).toString('base64url');
  const claims = { iss: 'development', sub: 'operator', exp: Math.floor(Date.now() / 1_000) + ttl, video };
  const signed = `${encoded({ alg: 'HS256', typ: 'JWT' })}.${encoded(claims)}`;
  return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`;
}

/**
 * Joins by the protocol alone, from a page without anything on it; what is broadcast is noted there.
 * @param {import('puppeteer-core').Page} from @param {string} name
 */
function joinByHand(from, name) {
  return from.evaluate((params) => new Promise((resolve, reject) => {
    const socket = new WebSocket(`${location.origin.replace('http', 'ws')}/v1/rpc`, 'ringfence.v1');
    socket.onopen = () => socket.send(JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'join', params }));
    socket.onerror = () => reject(new Error('The WebSocket was refused.'));
    socket.onmessage = ({ data }) => {
      const { id, error, method, params: told } = JSON.parse(data);
      if (method === 'broadcast') document.title = told.text;
      if (id === 1 && error) reject(new Error(error.message));
      else if (id === 1) resolve(undefined);
    };
  }), { protocol: 1, meeting: MEETING, name });
}

describe(`operator's page (--io ${IO})`, () => {
  /** @type {Server} */ let server;
  /** @type {import('puppeteer-core').Browser} */ let browser;
  /** @type {import('puppeteer-core').Page} */ let page;
  /** @type {import('puppeteer-core').Page} */ let visitor;
  /** @type {Participant[]} */ const people = [];
  /** @type {string[]} */ const complaints = [];

  /** @param {string} path */
  const rest = async (path) => (await fetch(`${server.url}/v1/meetings/${MEETING}${path}`)).json();
  const roomsOf = async () => Object.fromEntries((await rest('/participants')).participants
    .map((/** @type {{ name: string, room: string }} */ person) => [person.name, person.room]));
  /** @param {string} selector */
  const text = (selector) => page.$eval(selector, (element) => element.textContent ?? '');
  /** @param {string} selector @param {RegExp} wanted */
  async function reads(selector, wanted, ms = 8_000) {
    let last = '';
    await until(`${selector} reads ${wanted}`, ms, async () => {
      last = await page.$$eval(selector, (found) => found.map((element) => element.textContent).join(' | '));
      return wanted.test(last);
    }, () => `it reads: ${last}`);
  }
  /** Clicks a button by its text. @param {string} within @param {string} label */
  async function press(within, label) {
    const pressed = await page.evaluate((where, name) => {
      const buttons = [...document.querySelectorAll(`${where} button`)];
      const found = buttons.find((button) => button.textContent === name && button.checkVisibility());
      if (found instanceof HTMLElement) found.click();
      return found !== undefined;
    }, within, label);
    assert.ok(pressed, `there is a button "${label}" in ${within}`);
  }
  /** @param {string} given */
  async function enter(given) {
    await page.$eval('#gate input', (field, value) => {
      /** @type {HTMLInputElement} */ (field).value = value;
    }, given);
    await page.click('#gate button');
  }
  /** @param {string} what @param {string} scheme @param {number} width */
  async function accessible(what, scheme, width) {
    await page.setViewport({ width, height: 900 });
    // Reduced motion: a colour that is still on its way to another would be measured.
    await page.emulateMediaFeatures([
      { name: 'prefers-color-scheme', value: scheme }, { name: 'prefers-reduced-motion', value: 'reduce' }]);
    await page.evaluate(AXE);
    const faults = await page.evaluate(async () => {
      // @ts-ignore axe is a script, not a module
      const { violations } = await window.axe.run(document);
      const serious = (/** @type {{ impact: string }} */ { impact }) => ['serious', 'critical'].includes(impact);
      return violations.filter(serious)
        .map((/** @type {{ id: string, nodes: { html: string, failureSummary: string }[] }} */ fault) => (
          `${fault.id}: ${fault.nodes.map((node) => `${node.html} ${node.failureSummary}`).join('\n')}`));
    });
    assert.deepEqual(faults, [], `${what}, ${scheme}, ${width} px`);
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    assert.ok(wide <= 0, `${what}: nothing sticks out at ${width} px: ${wide} px`);
  }
  /** @param {string} what */
  async function accessibleEverywhere(what) {
    for (const scheme of ['light', 'dark']) for (const width of [390, 1_280]) await accessible(what, scheme, width);
  }

  before(async () => {
    server = await Server.start();
    for (const name of ['Ada', 'Bob']) people.push(await Participant.join('chromium', server, MEETING, name));
    browser = await openBrowser('chromium');
    visitor = await (await browser.createBrowserContext()).newPage();
    await visitor.goto(`${server.url}/icon.svg`);
    await joinByHand(visitor, HOSTILE);
    page = await browser.newPage();
    page.on('pageerror', (error) => complaints.push(String(error)));
    page.on('console', (message) => {
      // What the server refuses is expected here, and looked at in what the page says.
      const refusal = /Failed to load resource/.test(message.text());
      if (['error', 'warn'].includes(message.type()) && !refusal) complaints.push(message.text());
    });
    await page.setViewport({ width: 1_280, height: 900 });
    await page.setExtraHTTPHeaders({ 'X-Forwarded-For': '192.0.2.7' });
  });
  after(async () => {
    await browser?.close();
    await closeAll(people);
    await server?.stop();
  });

  test('a token is asked for, and what is wrong with one is said', async () => {
    await page.goto(`${server.url}/admin`, { waitUntil: 'load' });
    await page.waitForSelector('#gate:not([hidden])', { timeout: 5_000 });
    await accessibleEverywhere('the way in');
    for (const [given, told] of /** @type {const} */ ([
      ['nonsense', /no token/],
      [token({ roomAdmin: true }, 600, 'x'.repeat(32)), /not accept.*signature/],
      [token({ roomAdmin: true }, -600), /^This token has expired/],
      [token({ room: MEETING, roomJoin: true }), /lacks video\.roomAdmin/],
    ])) {
      await enter(given);
      await reads('#token-error', told);
      assert.equal(await page.$eval('#bar', (bar) => /** @type {HTMLElement} */ (bar).hidden), true);
    }
  });

  test('an admin token opens it, is in no address, and is kept in the tab', async () => {
    const made = execFileSync(BINARY, ['token', '--admin'], { encoding: 'utf8' }).trim();
    await enter(made);
    await page.waitForSelector('#bar:not([hidden])', { timeout: 5_000 });
    await reads('.whose', /operator, until/);
    await page.goto(`${server.url}/admin/#graphs`, { waitUntil: 'load' });
    await page.reload({ waitUntil: 'load' });
    await page.waitForSelector('#bar:not([hidden])', { timeout: 5_000 });
    const [address, stored] = await page.evaluate(() => [location.href, JSON.stringify(localStorage)]);
    assert.ok(!address?.includes(made.slice(0, 20)) && !stored?.includes(made.slice(0, 20)));
    await reads('[data-figure=people]', /^3$/);
  });

  test('graphs show what /metrics counts, while media flows', async () => {
    const total = async (/** @type {string} */ name) => [...(await (await fetch(`${server.url}/metrics`)).text())
      .matchAll(new RegExp(`^${name}\\{.*\\} (.*)$`, 'gm'))].reduce((sum, found) => sum + Number(found[1]), 0);
    const counters = /** @type {const} */ ([
      ['packets-in', 'ringfence_packets_received_total'], ['packets-out', 'ringfence_packets_forwarded_total']]);
    await page.waitForSelector('[data-graph=packets-out] data[value]:not([value=""])', { timeout: 10_000 });
    for (const [graph, counter] of counters) {
      const [from, start] = [await total(counter), performance.now()];
      const shown = [];
      while (performance.now() - start < 8_000) {
        await new Promise((resolve) => setTimeout(resolve, 500));
        shown.push(await page.$$eval(`[data-graph=${graph}] data`, (found) => (
          found.reduce((sum, element) => sum + Number(element.value), 0))));
      }
      const counted = (await total(counter) - from) / ((performance.now() - start) / 1_000);
      const mean = shown.reduce((sum, value) => sum + value, 0) / shown.length;
      assert.ok(counted > 40, `media flows: ${counted} packets a second`);
      assert.ok(mean > counted * 0.75 && mean < counted * 1.25, `${graph}: ${mean} shown, ${counted} counted`);
    }
    for (const graph of ['latency', 'trains', 'busy', 'cpu', 'memory', 'amounts']) {
      const values = await page.$$eval(`[data-graph=${graph}] data`, (found) => (
        found.map((element) => Number(element.value))));
      assert.ok(values.some((value) => value > 0), `${graph}: ${values}`);
      const path = await page.$eval(`[data-graph=${graph}] path.line`, (line) => line.getAttribute('d') ?? '');
      assert.match(path, /^M[\d.]+ [\d.]+h0L/, `${graph} has a line`);
    }
    await reads('[data-graph=latency] .tick', /µs|ms/);
    await reads('[data-graph=train-spread] .tick', /\d %/);
  });

  test('graphs are read by keyboard and by pointer', async () => {
    const frame = '[data-graph=packets-in] .frame';
    await page.focus(frame);
    for (let n = 0; n < 3; n += 1) await page.keyboard.press('ArrowLeft');
    await until('the past is told', 3_000, async () => /^\d+ s ago: Shard 0 [\d.]+.*\/s/.test(
      await page.$eval(frame, (element) => element.getAttribute('aria-valuetext') ?? '')));
    await reads('[data-graph=memory] .when', /s ago/);
    assert.ok(await page.$(`${frame} .cursor`));
    await page.keyboard.press('Escape');
    await reads('[data-graph=memory] .when', /^now$/);
    await page.hover(frame);
    await reads('[data-graph=memory] .when', /s ago/);
    await page.mouse.move(2, 2);
    await reads('[data-graph=memory] .when', /^now$/);
    await accessibleEverywhere('graphs');
    await page.setViewport({ width: 1_280, height: 900 });
  });

  test('meetings, rooms and people are shown, names are text', async () => {
    await page.click('nav a[href="#meetings"]');
    await reads(`[data-meeting=${MEETING}]`, /3 people/);
    await page.click(`[data-meeting=${MEETING}] a`);
    await page.waitForFunction((count) => document.querySelectorAll('.person').length === count, { timeout: 5_000 }, 3);
    const names = await page.$$eval('.person .name', (found) => found.map((element) => element.textContent));
    assert.deepEqual(names.sort(), [HOSTILE, 'Ada', 'Bob'].sort());
    assert.equal(await page.evaluate(() => 'hurt' in window || document.querySelector('.person img') !== null), false);
    await accessibleEverywhere('a meeting');
    await page.setViewport({ width: 1_280, height: 900 });
  });

  test('somebody is moved, breakouts are opened, written to, and closed; each is asked about', async () => {
    const made = await fetch(`${server.url}/v1/meetings/${MEETING}/breakouts/rooms`, {
      method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ names: ['Red', 'Blue'] }),
    });
    assert.equal(made.status, 201);
    await reads('.room h3', /Red \| Blue/);
    const bob = await people[1]?.id();
    await press(`[data-person="${bob}"]`, 'Move');
    await page.waitForSelector('dialog select', { timeout: 3_000 });
    await accessible('a dialog', 'light', 390);
    await page.setViewport({ width: 1_280, height: 900 });
    await page.select('dialog select', 'b2');
    await press('dialog', 'Move');
    await reads('[data-room=b2] .name', /^Bob$/);
    assert.equal((await roomsOf())['Bob'], 'b2');
    await press('.actions', 'Open breakouts');
    await page.waitForSelector('dialog');
    await press('dialog', 'Cancel');
    assert.equal((await rest('')).state, 'draft', 'nothing is done without a yes');
    await press('.actions', 'Open breakouts');
    await page.waitForSelector('dialog');
    await press('dialog', 'Open');
    await until('they are open', 5_000, async () => (await rest('')).state === 'started');
    await press('.actions', 'Write to rooms');
    await page.waitForSelector('dialog textarea');
    await page.type('dialog textarea', 'Five minutes');
    await press('dialog', 'Send');
    await until('it is heard', 3_000, async () => await visitor.title() === 'Five minutes');
    await reads('.actions', /Close breakouts/);
    await press('.actions', 'Close breakouts');
    await page.waitForSelector('dialog');
    await press('dialog', 'Close');
    await until('they are closed', 5_000, async () => (await rest('')).state === 'draft');
    assert.equal((await roomsOf())['Bob'], 'main');
  });

  test('somebody is removed', async () => {
    const id = (await rest('/participants')).participants
      .find((/** @type {{ name: string }} */ person) => person.name === HOSTILE).id;
    await press(`[data-person="${id}"]`, 'Remove');
    await reads('dialog h2', /Remove <img/);
    await press('dialog', 'Remove');
    await until('they are out', 5_000, async () => !(HOSTILE in await roomsOf()));
    await page.waitForFunction((who) => !document.querySelector(`[data-person="${who}"]`), { timeout: 5_000 }, id);
  });

  test('while the server drains nobody is let in, and after it they are', async () => {
    await press('.drain', 'Drain');
    await reads('dialog h2', /Drain this server/);
    await press('dialog', 'Drain');
    await reads('.drain-state', /Draining: nobody new, 2 clients/);
    assert.equal(await page.$eval('.switch', (element) => element.getAttribute('aria-checked')), 'true');
    await assert.rejects(joinByHand(visitor, 'Late'));
    assert.equal((await fetch(`${server.url}/readyz`)).status, 503);
    await accessible('draining', 'light', 1_280);
    await accessible('draining', 'dark', 390);
    await page.setViewport({ width: 1_280, height: 900 });
    await press('.drain', 'Drain');
    await reads('.drain-state', /Takes new people/);
    assert.equal((await fetch(`${server.url}/readyz`)).status, 200);
    await joinByHand(visitor, 'Late');
  });

  test('a meeting is ended', async () => {
    await press('.actions', 'End meeting');
    await reads('dialog h2', /End meeting council/);
    await press('dialog', 'End meeting');
    await reads('.meeting .facts', /over/);
    await reads('.meetings', /no meeting now/);
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    assert.deepEqual((await (await fetch(`${server.url}/v1/meetings`)).json()).meetings, [], 'nobody comes back to it');
  });

  test('a server that is away is told, and comes back', async () => {
    await closeAll(people); // so that none of them comes back, too
    await server.kill();
    await reads('.live', /No answer/, 15_000);
    await server.run();
    await reads('.live', /^Live$/, 40_000);
    await page.click('nav a[href="#graphs"]');
    await reads('[data-figure=people]', /^0$/);
  });

  test('a token for one meeting shows that one and no drain switch, and when it ends it is told', async () => {
    await press('.whose', 'Forget token');
    await enter(token({ room: MEETING, roomAdmin: true }, 1)); // and five seconds for clocks that differ
    await reads('.whose', /for meeting council only/);
    assert.equal(await page.$('.drain'), null);
    await reads('#token-error', /no longer accepted/, 20_000);
    assert.equal(await text('#main'), '');
    await enter(token({ roomAdmin: true }));
    await page.waitForSelector('.drain', { timeout: 5_000 });
  });

  test('the token is forgotten, and the browser had nothing to complain of', async () => {
    await press('.whose', 'Forget token');
    await page.waitForSelector('#gate:not([hidden])', { timeout: 5_000 });
    assert.equal(await page.evaluate(() => sessionStorage.length), 0);
    assert.equal(await text('#main'), '');
    await page.setExtraHTTPHeaders({});
    await page.goto(`${server.url}/admin/`, { waitUntil: 'load' });
    await reads('.whose', /no token needed here/);
    const policy = (await fetch(`${server.url}/admin/`)).headers.get('content-security-policy') ?? '';
    assert.match(policy, /^default-src 'self'/);
    assert.deepEqual(complaints, []);
  });
});
