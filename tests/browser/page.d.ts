/** What tests find in the page's window. */
interface Window {
  ringfence: import('../../signaling/web/client/client.js').Ringfence;
  probe: import('./probe.js').Probe;
  gaze: import('./gaze.js').Gaze;
}
