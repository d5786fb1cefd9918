/**
 * What connections survive, and how: an ICE restart keeps everything but the path; kill −9 of the
 * server costs the connection, and the page builds a new one without being reloaded.
 */

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { Participant, closeAll } from './participant.js';
import { Proxy } from './proxy.js';
import { IO, Server } from './server.js';

const SETTLE_MS = 30_000;
/** From the restarted server being ready to media at everybody: at most one delay, a handshake, a keyframe. */
const BACK_MS = 15_000;

describe(`restart (--io ${IO})`, () => {
  /** @type {Server} */ let server;
  /** @type {Proxy} */ let proxy;
  /** @type {Participant} */ let ada;
  /** @type {Participant} */ let dan;
  /** @type {Participant[]} */ const people = [];

  /** Both hear and see each other. @param {number} timeoutMs @param {number} [since] */
  async function together(timeoutMs, since) {
    const times = await Promise.all([
      ada.sensed({ hears: ['Dan'], sees: ['Dan'] }, timeoutMs, since),
      dan.sensed({ hears: ['Ada'], sees: ['Ada'] }, timeoutMs, since),
    ]);
    return `Chromium ${times[0]} ms, Firefox ${times[1]} ms`;
  }

  before(async () => {
    server = await Server.start();
    proxy = await Proxy.start(server.httpPort);
    ada = await Participant.join('chromium', server, 'restart', 'Ada', proxy.url);
    people.push(ada);
    dan = await Participant.join('firefox', server, 'restart', 'Dan', proxy.url);
    people.push(dan);
  });
  after(async () => {
    await closeAll(people);
    proxy?.close();
    await server?.stop();
  });

  test('two browsers see and hear each other', async (t) => {
    t.diagnostic(`right after ${await together(SETTLE_MS)}`);
  });

  test('a lost WebSocket is opened again, and the media connection kept', async (t) => {
    for (const one of people) {
      await one.watch();
      await one.page.evaluate(() => {
        window.ringfence.addEventListener('state', () => {
          if (window.ringfence.state === 'reconnecting') document.body.dataset.lost = 'yes';
        });
      });
    }
    proxy.cut();
    await Promise.all(people.map((one) => one.page.waitForSelector('[data-lost="yes"]', { timeout: 10_000 })));
    await Promise.all(people.map((one) => one.joined(server)));
    t.diagnostic(`right after ${await together(5_000)}`);
    for (const one of people) assert.deepEqual(await one.changes(), [], one.name);
    // And the new one works: a command through it is carried out.
    await ada.page.evaluate(() => window.ringfence.mute('audio'));
    await dan.sensed({ hears: [], sees: ['Ada'] }, 3_000);
    await ada.page.evaluate(() => window.ringfence.unmute('audio'));
    await together(3_000);
  });

  test('an ICE restart changes credentials, and neither DTLS nor SRTP nor what is seen', async (t) => {
    for (const one of people) {
      const before = await one.page.evaluate(() => window.probe.connection().then((now) => now.texts));
      await one.page.evaluate(() => window.ringfence.restartIce());
      await one.joined(server);
      const now = await one.page.evaluate(() => window.probe.connection().then((texts) => texts.texts));
      const ufrag = /** @param {string | undefined} sdp */ (sdp) => /a=ice-ufrag:(\S+)/.exec(sdp ?? '')?.[1];
      assert.notEqual(ufrag(now.local), ufrag(before.local), `${one.name}: own credentials are new`);
      assert.notEqual(ufrag(now.remote), ufrag(before.remote), `${one.name}: the server's are new`);
      assert.equal(now.certificate, before.certificate, `${one.name}: the same certificates`);
      assert.equal(await one.page.evaluate(() => window.ringfence.peersBuilt), 1, one.name);
    }
    t.diagnostic(`right after ${await together(5_000)}`);
  });

  test('after kill −9 and restart media is back without a reload', async (t) => {
    const loaded = await Promise.all(people.map((one) => one.page.evaluate(() => performance.timeOrigin)));
    const ids = await Promise.all(people.map((one) => one.id()));
    await server.kill();
    await Promise.all(people.map((one) => one.page.waitForFunction(
      () => window.ringfence.state === 'reconnecting', { timeout: 10_000 })));
    await server.run();
    const since = Date.now();
    await Promise.all(people.map((one) => one.joined(server)));
    t.diagnostic(`media back after ${await together(BACK_MS, since)}`);
    for (const [at, one] of people.entries()) {
      assert.equal(await one.page.evaluate(() => performance.timeOrigin), loaded[at], `${one.name} was not reloaded`);
      assert.equal(await one.id(), ids[at], `${one.name} is the same participant`);
      assert.equal(await one.page.evaluate(() => window.ringfence.peersBuilt), 2, `${one.name}: one new connection`);
      // Firefox reports each vain attempt to reach the dead server, as it should.
      assert.deepEqual(one.errors.filter((error) => !error.includes('establish a connection')), [], one.name);
    }
  });
});
