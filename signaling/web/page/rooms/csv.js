/**
 * A list of rooms and people, read only to be shown before it is sent: the server is the one that judges it.
 * RFC 4180: quotes, doubled quotes, line breaks in quotes; a byte order mark is passed over.
 */

export const COLUMNS = ['room_name', 'first_name', 'last_name', 'email'];

/** @typedef {{ line: number, cells: string[] }} Line */
/** @typedef {{ line: number, room: string, name: string, email: string }} Row */

const END = /[,\r\n]/g;

/** All rows with the line on which each begins; empty ones are left out. @param {string} text @returns {Line[]} */
export function readRecords(text) {
  /** @type {Line[]} */ const records = [];
  let at = text.startsWith('\u{feff}') ? 1 : 0;
  let line = 1;
  while (at < text.length) {
    /** @type {Line} */ const record = { line, cells: [] };
    for (let more = true; more;) {
      let cell = '';
      const quoted = /^[ \t]*"/.exec(text.slice(at, at + 64));
      if (quoted) {
        at += quoted[0].length;
        for (; at < text.length; at += 1) {
          if (text[at] === '"' && text[at + 1] !== '"') break;
          if (text[at] === '"') at += 1;
          if (text[at] === '\n') line += 1;
          cell += text[at];
        }
        at += 1;
      }
      END.lastIndex = at;
      const stop = END.exec(text)?.index ?? text.length;
      cell += text.slice(at, stop);
      record.cells.push(cell.trim());
      more = text[stop] === ',';
      at = stop + (text.startsWith('\r\n', stop) ? 2 : 1);
    }
    line += 1;
    if (record.cells.some((cell) => cell !== '')) records.push(record);
  }
  return records;
}

/**
 * Who goes to which room, by room. Columns may come in any order; without a heading there is nothing to show.
 * @param {string} text
 * @returns {{ rooms: Map<string, Row[]>, people: number } | null} null: the first line is not the heading
 */
export function preview(text) {
  const [heading, ...records] = readRecords(text);
  const places = COLUMNS.map((column) => heading?.cells.findIndex((cell) => cell.toLowerCase() === column) ?? -1);
  if (places.some((place) => place < 0)) return null;
  /** @type {Map<string, Row[]>} */ const rooms = new Map();
  let people = 0;
  for (const { line, cells } of records) {
    const [room = '', first = '', last = '', email = ''] = places.map((place) => cells[place] ?? '');
    const rows = rooms.get(room) ?? [];
    rooms.set(room, rows);
    const name = `${first} ${last}`.trim();
    if (!name && !email) continue;
    rows.push({ line, room, name, email });
    people += 1;
  }
  return { rooms, people };
}

/** One cell. A spreadsheet must not take a stranger's name for a formula; the space is trimmed on the way back. */
const cell = (/** @type {string} */ text) => {
  const safe = /^[=+\-@\t\r]/.test(text) ? ` ${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
};

/** The list to be filled in: the heading, and who is here without a room. @param {string[]} names */
export function template(names) {
  const rows = names.map((name) => {
    const [first = '', ...rest] = name.trim().split(/\s+/);
    return ['', first, rest.join(' '), ''].map(cell).join(',');
  });
  return `${[COLUMNS.join(','), ...rows].join('\r\n')}\r\n`;
}
