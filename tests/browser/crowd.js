/** Many people in one browser: a window and a profile each, real media in each, and little of the machine. */

import { found, press, write } from './clicks.js';
import { installGaze } from './gaze.js';
import { Participant, VOICES } from './participant.js';
import { installProbe } from './probe.js';
import { until } from './until.js';

const MEASURE_MS = 15_000;
const LOAD_MS = 120_000;

/**
 * Comes in by the form, by typing and clicking, and then speaks and shows what the test can tell from others.
 * @param {import('puppeteer-core').Browser} browser
 * @param {import('./server.js').Server} server
 * @param {{ name: string, meeting: string, url?: string, camera?: boolean, width?: number, height?: number }} wish
 */
export async function comeIn(browser, server, wish) {
  const { name, meeting, url = server.url, camera = false, width = 700, height = 480 } = wish;
  const context = await browser.createBrowserContext();
  const page = await context.newPage();
  const person = new Participant(name, context, page);
  page.on('pageerror', (error) => person.errors.push(String(error)));
  page.setDefaultNavigationTimeout(LOAD_MS);
  await page.setViewport({ width, height, deviceScaleFactor: 0.5 }); // a quarter of the painting
  await page.evaluateOnNewDocument(installGaze, VOICES);
  await page.goto(url, { waitUntil: 'load' });
  await write(page, '#join input[name=name]', name);
  await write(page, '#join input[name=meeting]', meeting);
  if (!camera) await press(page, '#join button', 'Camera');
  const since = await page.evaluate(() => window.gaze.mark());
  await press(page, '#join-now');
  await person.joined(server);
  await found(page, '#microphone[aria-pressed="true"]');
  if (camera) await found(page, '#camera[aria-pressed="true"]');
  await page.evaluate(installProbe, VOICES);
  await page.evaluate((who) => window.probe.publish(who, ['microphone', 'camera']), name);
  return { person, since };
}

/**
 * How long after `since` the first frame of one of these was shown.
 * @param {Participant} person
 * @param {string[]} names
 * @param {number} since epoch, ms
 */
export async function firstFrame(person, names, since) {
  /** @type {number | null} */ let at = null;
  await until(`${person.name} sees a frame of ${names}`, MEASURE_MS, async () => {
    at = await person.page.evaluate((whom) => window.gaze.since(whom), names);
    return at !== null;
  });
  return Math.round((at ?? since) - since);
}

/** @param {number[]} numbers */
export function median(numbers) {
  const sorted = [...numbers].sort((a, b) => a - b);
  const half = Math.floor(sorted.length / 2);
  return sorted.length % 2 ? sorted[half] ?? NaN : ((sorted[half - 1] ?? NaN) + (sorted[half] ?? NaN)) / 2;
}
