/**
 * Runs inside the page from its beginning: notes when the first frame of whom was shown in a tile, told by its
 * colour, at the moment when the browser presents it (`requestVideoFrameCallback`).
 */

/** @typedef {import('./probe.js').Voice} Voice */

/**
 * Puts `window.gaze` into the page. Self-contained, since its text is sent to the browser.
 * @param {Voice[]} voices
 */
export function installGaze(voices) {
  const NEAR_RGB = 70;
  /** @type {Map<string, number>} Epoch, ms, of the first frame of each since the mark. */
  const first = new Map();
  /** @type {WeakSet<HTMLVideoElement>} */
  const watched = new WeakSet();
  const eye = document.createElement('canvas');
  eye.width = 4;
  eye.height = 4;
  const pixels = /** @type {CanvasRenderingContext2D} */ (eye.getContext('2d', { willReadFrequently: true }));
  const now = () => performance.timeOrigin + performance.now();
  let looking = false;
  let clickedAt = 0;
  // By the time of the input, not of its handling: who clicks waits for that, too.
  document.addEventListener('click', (event) => { clickedAt = performance.timeOrigin + event.timeStamp; }, true);

  /** @param {HTMLVideoElement} video */
  function look(video) {
    if (!looking || !video.closest('.tile.live:not(.own)') || video.videoWidth === 0) return;
    pixels.drawImage(video, 0, 0, 4, 4);
    const [r = 0, g = 0, b = 0] = pixels.getImageData(2, 2, 1, 1).data;
    const name = voices.find(({ rgb }) => Math.hypot(rgb[0] - r, rgb[1] - g, rgb[2] - b) < NEAR_RGB)?.name;
    if (name && !first.has(name)) first.set(name, now());
  }

  function watchAll() {
    for (const video of document.querySelectorAll('video')) {
      if (watched.has(video)) continue;
      watched.add(video);
      const onFrame = () => {
        look(video);
        video.requestVideoFrameCallback(onFrame);
      };
      video.requestVideoFrameCallback(onFrame);
    }
  }
  new MutationObserver(watchAll).observe(document, { childList: true, subtree: true });

  const gaze = {
    /** When something was clicked last. */
    clicked: () => clickedAt,
    /** From now on. */
    mark() {
      first.clear();
      looking = true;
      return now();
    },
    /** When the first of these was seen; null: not yet. @param {string[]} names */
    since: (names) => names.reduce((/** @type {number | null} */ best, name) => {
      const at = first.get(name);
      return at !== undefined && (best === null || at < best) ? at : best;
    }, null),
    stop() {
      looking = false;
    },
  };
  Object.assign(window, { gaze });
  return gaze;
}

/** @typedef {ReturnType<typeof installGaze>} Gaze */
