/**
 * Pictures of the page's main states, for people to look at: `npm run pictures` writes them to `pictures/`.
 *
 * Cameras are drawn: a face of a colour before a room, so that pictures are small and the same each time.
 */

import { mkdir, stat } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

import { openBrowser } from './browsers.js';
import { press } from './clicks.js';
import { Server } from './server.js';
import { until } from './until.js';
import { Visitor } from './visitor.js';

/** @typedef {Parameters<typeof Visitor.open>[2]} Look */

const FOLDER = fileURLToPath(new URL('pictures/', import.meta.url));
const BYTES_MAX = 200_000;
const PEOPLE = ['Ada Lovelace', 'Alan Turing', 'Grace Hopper', 'Edsger Dijkstra', 'Barbara Liskov', 'Donald Knuth'];

/** Instead of the browser's fake camera, one green for all: a person before a wall, who moves a little. */
function drawCameras() {
  navigator.mediaDevices.getUserMedia = async (constraints) => {
    const stream = new MediaStream();
    if (constraints?.audio) {
      const context = new AudioContext();
      const sound = new MediaStreamAudioDestinationNode(context);
      const voice = new OscillatorNode(context, { frequency: 180 });
      const gain = new GainNode(context, { gain: 0 });
      voice.connect(gain).connect(sound);
      voice.start();
      Object.assign(window, { speak: (/** @type {number} */ amplitude) => { gain.gain.value = amplitude; } });
      for (const track of sound.stream.getAudioTracks()) stream.addTrack(track);
    }
    if (!constraints?.video) return stream;
    const name = document.querySelector('input[name="name"]') instanceof HTMLInputElement
      ? /** @type {HTMLInputElement} */ (document.querySelector('input[name="name"]')).value : '';
    const hue = [...name].reduce((sum, letter) => (sum * 53 + letter.charCodeAt(0)) % 360, 7);
    const canvas = document.createElement('canvas');
    [canvas.width, canvas.height] = [1280, 720];
    const brush = /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d'));
    let tick = 0;
    const paint = () => {
      const sway = Math.sin(tick / 9 + hue) * 12;
      tick += 1;
      brush.fillStyle = `hsl(${hue} 30% 56%)`;
      brush.fillRect(0, 0, 1280, 720);
      brush.fillStyle = `hsl(${(hue + 20) % 360} 26% 74% / 0.5)`;
      brush.fillRect(140, 90, 210, 270);
      brush.fillRect(960, 60, 180, 420);
      brush.fillStyle = `hsl(${(hue + 190) % 360} 38% 36%)`;
      brush.beginPath();
      brush.ellipse(640 + sway / 2, 790, 330, 320, 0, 0, 7);
      brush.fill();
      brush.fillStyle = `hsl(${22 + (hue % 12)} 46% ${48 + (hue % 26)}%)`;
      brush.fillRect(590 + sway, 400, 100, 110);
      brush.beginPath();
      brush.ellipse(640 + sway, 320, 128, 160, 0, 0, 7);
      brush.fill();
      brush.fillStyle = `hsl(${hue % 50} 32% ${14 + (hue % 30)}%)`;
      brush.beginPath();
      brush.ellipse(640 + sway, 232, 142, 96, 0, 3.05, 6.4);
      brush.fill();
    };
    paint();
    setInterval(paint, 100);
    for (const track of canvas.captureStream(10).getVideoTracks()) stream.addTrack(track);
    return stream;
  };
}

const server = await Server.start();
const browser = await openBrowser('chromium');
await mkdir(FOLDER, { recursive: true });

/** @param {string} name @param {Look} [look] @param {string} [meeting] */
async function open(name, look, meeting = 'demo') {
  const visitor = await Visitor.open(browser, 'about:blank', look);
  await visitor.page.evaluateOnNewDocument(drawCameras);
  await visitor.page.goto(`${server.url}/?${new URLSearchParams({ meeting, name })}`, { waitUntil: 'load' });
  await visitor.page.waitForSelector('.mirror video:not([hidden])', { timeout: 30_000 });
  return visitor;
}

/** @param {Visitor} visitor @param {number} count */
const sees = (visitor, count) => until(`${count} others are seen`, 30_000, async () => (
  (await visitor.page.$$('.tile.live:not(.own)')).length === count));

/** @param {Visitor} visitor @param {string} name */
async function picture(visitor, name) {
  await visitor.page.bringToFront();
  await new Promise((resolve) => setTimeout(resolve, 800)); // what moves has come to rest
  const path = `${FOLDER}${name}.png`;
  await visitor.page.screenshot({ path: /** @type {`${string}.png`} */ (path) });
  const { size } = await stat(path);
  console.log(`${name}.png ${size} bytes${size > BYTES_MAX ? ', too large' : ''}`);
  if (size > BYTES_MAX) process.exitCode = 1;
}

try {
  // It draws what it has seen: so it sees all from the beginning.
  const operator = await Visitor.open(browser, `${server.url}/admin/#graphs`);
  const ada = await open('Ada Lovelace', { theme: 'dark' });
  await picture(ada, 'lobby');
  await ada.join();
  /** @type {Visitor[]} */
  const others = [];
  for (const [at, name] of PEOPLE.slice(1).entries()) {
    const visitor = await open(name, at === 1 ? { screen: 'phone' } : {});
    await visitor.join();
    others.push(visitor);
  }
  const [alan, grace] = /** @type {[Visitor, Visitor]} */ (/** @type {unknown} */ (others));
  await sees(ada, 5);
  await alan.page.evaluate(() => window.ringfence.chat('Good morning! Is everybody here?'));
  await grace.page.evaluate(() => window.ringfence.chat('All six. Shall we start?'));
  await ada.page.evaluate(() => window.ringfence.chat('Yes. Three rooms today, twenty minutes each.'));
  await ada.page.evaluate((to) => window.ringfence.chat('Will you report for your room?', to), await alan.id());
  await ada.click('#chat');
  await picture(ada, 'meeting');
  await ada.page.evaluate(() => window.ringfence.createPoll({
    question: 'How long shall the rooms be open?', options: ['Ten minutes', 'Twenty minutes', 'As long as we need'] }));
  for (const [at, visitor] of others.entries()) {
    await visitor.page.evaluate((option) => window.ringfence.vote(1, option), at === 3 ? 2 : at % 2);
  }
  await alan.click('#tab-polls');
  await picture(alan, 'polls');
  await ada.page.evaluate(async () => {
    const { breakout } = window.ringfence;
    await breakout.create({ count: 3, names: ['Compilers', 'Networks', 'Proofs'] });
    await breakout.shuffle({ strategy: 'even' });
    await breakout.start({ consent: 'ask', timer: 1_200 });
  });
  await grace.page.waitForSelector('.banner .accept');
  await picture(grace, 'invitation-phone');
  for (const visitor of others) await visitor.click('.banner .accept');
  await ada.click('#tab-rooms');
  await ada.page.waitForSelector('.rooms-panel');
  await ada.page.evaluate(() => window.ringfence.broadcast('Five minutes left. Please choose who reports.'));
  await alan.click('#tab-people');
  await sees(alan, 1);
  await picture(alan, 'breakout');
  await press(ada.page, '.session-buttons button', 'Monitor');
  await press(ada.page, 'button', 'Listen to Networks');
  for (const [at, visitor] of others.entries()) {
    await visitor.page.evaluate((loud) => /** @type {any} */ (window).speak(loud), [0.25, 0.02, 0.06][at % 3] ?? 0);
  }
  await until('a voice is drawn', 10_000, () => ada.page.evaluate(() => (
    [...document.querySelectorAll('.room-level')].some((bar) => bar.getAttribute('style')?.includes('0.')))));
  await picture(ada, 'rooms');
  await until('there are graphs', 120_000, () => operator.page.evaluate(() => performance.now() > 90_000));
  await picture(operator, 'admin');
} finally {
  await browser.close();
  await server.stop();
}
