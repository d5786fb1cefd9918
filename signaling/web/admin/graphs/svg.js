/** Elements of SVG; attributes are numbers and words of ours, texts are text nodes. */

const SPACE = 'http://www.w3.org/2000/svg';

/**
 * @template {keyof SVGElementTagNameMap} T
 * @param {T} tag
 * @param {Record<string, string | number>} [attributes]
 * @param {...(Node | string)} children
 * @returns {SVGElementTagNameMap[T]}
 */
export function svg(tag, attributes = {}, ...children) {
  const element = document.createElementNS(SPACE, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  element.append(...children);
  return element;
}

/** How a series is drawn: eight colours, and after them the same with dashes. @param {number} index */
export function look(index) {
  return `series-${index % 8} dash-${Math.floor(index / 8) % 3}`;
}

/** A short piece of a series' line, for legends. @param {number} index */
export function swatch(index) {
  const line = svg('path', { d: 'M1 5h16', class: `line ${look(index)}` });
  return svg('svg', { class: 'swatch', width: 18, height: 10, viewBox: '0 0 18 10', 'aria-hidden': 'true' }, line);
}
