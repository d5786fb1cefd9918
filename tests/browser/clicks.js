/** Using the page as people do: pressing what can be seen, by what it says. */

import assert from 'node:assert/strict';

import { until } from './until.js';

/** @typedef {import('puppeteer-core').Page} Page */

const WAIT_MS = 15_000;

/**
 * The first element in sight that says this, by its label or its text.
 * @param {Page} page
 * @param {string} selector
 * @param {string | RegExp} [text]
 */
export async function found(page, selector, text = /(?:)/) {
  /** @type {import('puppeteer-core').ElementHandle | undefined} */ let seen;
  await until(`${selector} says ${text}`, WAIT_MS, async () => {
    for (const element of await page.$$(selector)) {
      if (!await element.isVisible()) continue;
      const says = await element.evaluate((one) => (one.getAttribute('aria-label') ?? one.textContent ?? '').trim());
      if (typeof text === 'string' ? says === text : text.test(says)) {
        seen = element;
        return true;
      }
    }
    return false;
  });
  if (!seen) throw new Error('unreachable');
  return seen;
}

/** Presses it with the mouse. @param {Page} page @param {string} selector @param {string | RegExp} [text] */
export async function press(page, selector, text) {
  // What is drawn anew meanwhile is looked for again.
  await until(`${selector} ${text ?? ''} is pressed`, WAIT_MS, async () => {
    await (await found(page, selector, text)).click();
    return true;
  });
}

/** Writes into a field in place of what is there. @param {Page} page @param {string} selector @param {string} text */
export async function write(page, selector, text) {
  await (await found(page, selector)).click({ count: 3 });
  await page.keyboard.type(text);
}

/** The middle of what is seen. @param {Page} page @param {string} selector @param {string | RegExp} [text] */
export async function middle(page, selector, text) {
  const element = await found(page, selector, text);
  await element.scrollIntoView();
  const box = await element.boundingBox();
  assert.ok(box);
  return { x: box.x + box.width / 2, y: box.y + Math.min(20, box.height / 2) };
}
