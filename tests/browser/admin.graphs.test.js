/** What the operator's graphs make of `/metrics`: reading, rates, quantiles, axes. No browser is needed. */

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { cells, quantile, rate } from '../../signaling/web/admin/graphs/derive.js';
import { History, HISTORY_MS } from '../../signaling/web/admin/graphs/history.js';
import { parseLine, Sample } from '../../signaling/web/admin/graphs/parse.js';
import { format, ticks } from '../../signaling/web/admin/graphs/scale.js';

test('a line is a name, labels and a number, or passed over', () => {
  for (const [line, expected] of /** @type {const} */ ([
    ['up 1', { name: 'up', labels: {}, value: 1 }],
    ['a_total{shard="0",reason="late"} 2.5', { name: 'a_total', labels: { shard: '0', reason: 'late' }, value: 2.5 }],
    ['a{le="+Inf"} +Inf', { name: 'a', labels: { le: '+Inf' }, value: Infinity }],
    ['a{x="b}\\"c\\\\,\\n"} 1e3 1700', { name: 'a', labels: { x: 'b}"c\\,\n' }, value: 1_000 }], // with a time
    ['# TYPE a counter', null],
    ['', null],
    ['a{x=1} 2', null],
    ['a{x="1" 2', null],
    ['a', null],
    ['a zwei', null],
  ])) assert.deepEqual(parseLine(line), expected, line);
});

/** @param {number} at @param {number[]} values */
const scrape = (at, [a, b, one, two, all]) => new Sample([
  `a_total{shard="0"} ${a}`, `a_total{shard="1"} ${b}`,
  `h_bucket{le="1.0"} ${one}`, `h_bucket{le="2.0"} ${two}`, `h_bucket{le="+Inf"} ${all}`,
].join('\n'), at);
const before = scrape(1_000, [10, 5, 1, 1, 1]);
const now = scrape(3_000, [30, 4, 3, 9, 11]);

test('rates are by second, and none after a counter began anew', () => {
  assert.equal(rate(now, before, 'a_total', { shard: '0' }), 10);
  assert.equal(rate(now, before, 'a_total', { shard: '1' }), null);
  assert.equal(rate(now, before, 'b_total'), null);
  assert.equal(rate(now, now, 'a_total', { shard: '0' }), null, 'no time has passed');
});

test('a histogram is of what came between two scrapes', () => {
  const expected = [{ bound: 1, count: 2 }, { bound: 2, count: 6 }, { bound: Infinity, count: 2 }];
  assert.deepEqual(cells(now, before, 'h'), expected);
  assert.equal(cells(before, now, 'h'), null, 'begun anew');
  assert.equal(cells(now, before, 'none'), null);
});

test('quantiles lie within their cell', () => {
  const histogram = cells(now, before, 'h');
  for (const [share, expected] of /** @type {const} */ ([
    [0.1, 0.5], // half of the first cell
    [0.2, 1],
    [0.5, 1.5], // half of the second
    [0.99, 2], // above the last bound: told as that
  ])) assert.equal(quantile(histogram, share), expected, String(share));
  assert.equal(quantile([{ bound: 1, count: 0 }], 0.5), null, 'nothing was counted');
  assert.equal(quantile(null, 0.5), null);
});

test('numbers have a unit and three digits', () => {
  for (const [value, unit, expected] of /** @type {const} */ ([
    [0, 'rate', '0/s'], [950, 'rate', '950/s'], [12_340, 'rate', '12.3 k/s'], [999_700, 'rate', '1 M/s'],
    [0.000_042, 'seconds', '42 µs'], [0.0015, 'seconds', '1.5 ms'], [2, 'seconds', '2 s'], [0, 'seconds', '0'],
    [0.0421, 'share', '4.2 %'], [0.5, 'share', '50 %'], [1, 'share', '100 %'],
    [71_931_264, 'bytes', '68.6 MiB'], [0, 'bytes', '0 B'], [512, 'bytes', '512 B'],
    [12, 'count', '12'], [1.306, 'mean', '1.31'], [null, 'count', '–'], [NaN, 'rate', '–'],
  ])) assert.equal(format(value, unit), expected, `${value} ${unit}`);
});

test('axes go up in round steps beyond what they show', () => {
  for (const [most, unit, expected] of /** @type {const} */ ([
    [0, 'count', [0, 1, 2, 3, 4]], // nothing there: still an axis
    [3, 'count', [0, 1, 2, 3]], // no half people
    [54, 'count', [0, 20, 40, 60]],
    [3_480, 'rate', [0, 1_000, 2_000, 3_000, 4_000]],
    [0.085, 'seconds', [0, 0.025, 0.05, 0.075, 0.1]],
    [70 * 2 ** 20, 'bytes', [0, 20, 40, 60, 80].map((mega) => mega * 2 ** 20)],
  ])) {
    const found = ticks(most, unit).map((tick) => Number(tick.toPrecision(9)));
    assert.deepEqual(found, expected, `${most} ${unit}`);
  }
});

test('a history forgets what is older than ten minutes, and a line keeps its place', () => {
  const history = new History();
  history.add(0, [['a', 1]]);
  history.add(1_000, [['b', 2], ['a', 3]]);
  history.add(2_000, []);
  assert.deepEqual(history.lines, ['a', 'b']);
  assert.deepEqual(history.moments.map((moment) => moment.values), [[1], [3, 2], [null, null]]);
  assert.equal(history.nearest(1_400)?.at, 1_000);
  history.add(HISTORY_MS + 1_000, [['a', 4]]);
  assert.deepEqual(history.moments.map((moment) => moment.at), [1_000, 2_000, HISTORY_MS + 1_000]);
});
