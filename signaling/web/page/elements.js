/**
 * Small builders of elements. Texts only ever become text nodes: names come from strangers.
 */

const SVG = 'http://www.w3.org/2000/svg';

/** @param {string} id of an element that `index.html` has */
export function byId(id) {
  const element = document.getElementById(id);
  if (!element) throw new Error(`The page has no element #${id}.`);
  return element;
}

/**
 * @typedef {Record<string, string | number | boolean | null | undefined | EventListener>} Attributes
 * `class`, `text`, `onclick` and other handlers, else attributes; true is an empty one, false, null and
 * undefined are none
 */

/**
 * A new element with its attributes and children.
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {Attributes} [attributes]
 * @param {...(Node | string | null | undefined | false)} children
 * @returns {HTMLElementTagNameMap[T]}
 */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === 'function') element.addEventListener(name.slice(2), value);
    else if (name === 'text') element.textContent = String(value ?? '');
    else setAttribute(element, name, value);
  }
  for (const child of children) if (child) element.append(child);
  return element;
}

/** An icon of `index.html`. @param {string} name without `i-` */
export function icon(name) {
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('class', 'icon');
  svg.setAttribute('aria-hidden', 'true');
  const use = document.createElementNS(SVG, 'use');
  use.setAttribute('href', `#i-${name}`);
  svg.append(use);
  return svg;
}

/** Another icon in a place that has one. @param {Element} place @param {string} name */
export function setIcon(place, name) {
  const use = place.querySelector('use');
  if (use && use.getAttribute('href') !== `#i-${name}`) use.setAttribute('href', `#i-${name}`);
}

/**
 * A button with text, or with an icon and its text as the label.
 * @param {string} label
 * @param {EventListener} onclick
 * @param {Attributes & { icon?: string }} [attributes]
 */
export function button(label, onclick, { icon: symbol, ...attributes } = {}) {
  const shown = symbol ? { 'aria-label': label, title: label } : { text: label };
  return make('button', { type: 'button', onclick, ...shown, ...attributes }, symbol ? icon(symbol) : null);
}

/**
 * Writes an attribute only if it changes.
 * @param {Element} element
 * @param {string} name
 * @param {unknown} value null, undefined: no such attribute; so is false, but of `aria-…`, where it is a word
 */
export function setAttribute(element, name, value) {
  const word = name.startsWith('aria-');
  if (value === null || value === undefined || (value === false && !word)) element.removeAttribute(name);
  else {
    const text = value === true && !word ? '' : String(value);
    if (element.getAttribute(name) !== text) element.setAttribute(name, text);
  }
}

/**
 * Writes a text only if it changes: a live region speaks on each write.
 * @param {Element} element
 * @param {string} text
 */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/**
 * Makes `children` the children of `parent`, touching only what is elsewhere: focus survives.
 * @param {Element} parent
 * @param {Element[]} children
 */
export function arrange(parent, children) {
  const staying = new Set(children);
  for (const child of [...parent.children]) if (!staying.has(child)) child.remove();
  children.forEach((child, index) => {
    const there = parent.children[index] ?? null;
    if (there !== child) parent.insertBefore(child, there);
  });
}
