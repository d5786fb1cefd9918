/** What tests find in the page's window. */
interface Window {
  ringfence: import('../../signaling/web/client/client.js').Ringfence;
  probe: import('./probe.js').Probe;
  gaze: import('./gaze.js').Gaze;
  /** Of panel.test.js: the meeting that is made up, and the nodes that were touched. */
  madeUp: any;
  touched: number;
  watch: MutationObserver;
}
