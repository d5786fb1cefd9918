/**
 * The operator's token: kept for this tab only (`sessionStorage`), never in an address. The server alone
 * decides what it is worth; here it is only read, to say whose it is and what it lacks.
 */

const KEY = 'ringfence-admin-token';

/** @returns {string | null} */
export function kept() {
  return sessionStorage.getItem(KEY);
}

/** @param {string | null} token null: it is forgotten */
export function keep(token) {
  if (token === null) sessionStorage.removeItem(KEY);
  else sessionStorage.setItem(KEY, token);
}

/** What people paste: with a line's end, or with the word before it. @param {string} text */
export function cleaned(text) {
  return text.trim().replace(/^Bearer\s+/i, '').replace(/\s+/g, '');
}

/**
 * @param {string} token
 * @returns {{ subject: string, meeting: string, admin: boolean, expires: Date | null } | null} null: no JWT
 */
export function read(token) {
  const [, part, ...rest] = token.split('.');
  if (!part || rest.length !== 1) return null;
  try {
    const binary = atob(part.replace(/-/g, '+').replace(/_/g, '/'));
    const bytes = Uint8Array.from(binary, (character) => character.charCodeAt(0));
    const { sub, exp, video } = JSON.parse(new TextDecoder().decode(bytes));
    return {
      subject: String(sub ?? ''),
      meeting: String(video?.room ?? ''),
      admin: video?.roomAdmin === true,
      expires: typeof exp === 'number' ? new Date(exp * 1_000) : null,
    };
  } catch {
    return null;
  }
}
