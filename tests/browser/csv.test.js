/** What the page makes of a list before it is sent, and the template. No browser. */

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { preview, readRecords, template } from '../../signaling/web/page/rooms/csv.js';

const HEAD = 'room_name,first_name,last_name,email';

test('records are read as the server reads them, with their lines', () => {
  for (const [why, text, expected] of /** @type {const} */ ([
    ['plain', 'a,b\nc,d\n', [[1, 'a|b'], [2, 'c|d']]],
    ['CRLF, and no break at the end', 'a,b\r\nc,d', [[1, 'a|b'], [2, 'c|d']]],
    ['byte order mark and spaces', '\u{feff} a , b\n', [[1, 'a|b']]],
    ['empty lines count and are left out', 'a,b\n\n,,\nc,d', [[1, 'a|b'], [4, 'c|d']]],
    ['quotes', '"a, ""x""",b\n', [[1, 'a, "x"|b']]],
    ['a break in quotes', '"a\nb",c\nd,e', [[1, 'a\nb|c'], [3, 'd|e']]],
    ['a quote that is never closed', '"a,b\nc', [[1, 'a,b\nc']]],
    ['nothing', '', []],
  ])) {
    assert.deepEqual(readRecords(text).map(({ line, cells }) => [line, cells.join('|')]), expected, why);
  }
});

test('a preview tells rooms and people; without the heading there is none', () => {
  const read = preview(`email,${HEAD.replace(',email', '')}\nada@x.org,Red,Ada,Lovelace\n,Red,Bob,\n,Blue,,\n`);
  assert.equal(read?.people, 2);
  assert.deepEqual([...read?.rooms ?? []].map(([room, rows]) => [room, rows.map((row) => `${row.line} ${row.name}`)]),
    [['Red', ['2 Ada Lovelace', '3 Bob']], ['Blue', []]]);
  assert.equal(preview('name,room\nAda,Red'), null);
});

test('a large list takes no longer for each line', () => {
  const line = 'Room 1,First,Last,\n';
  assert.equal(preview(`${HEAD}\n${line.repeat(60_000)}`)?.people, 60_000);
});

test('the template can be read again, and no name is a formula in it', () => {
  const text = template(['Ada Lovelace', '=1+1', 'Eve "x", and']);
  assert.equal(text, `${HEAD}\r\n,Ada,Lovelace,\r\n, =1+1,,\r\n,Eve,"""x"", and",\r\n`);
  assert.deepEqual(readRecords(text).slice(1).map(({ cells }) => cells.slice(1, 3).join(' ').trim()), ['Ada Lovelace', '=1+1', 'Eve "x", and']);
});
