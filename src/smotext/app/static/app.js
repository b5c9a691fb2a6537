"use strict";
// Draws the figures that the server sends as data, and mends what screen readers are told of a few fields.
(() => {
  const chartsOf = (root) => [...root.querySelectorAll(".sx-chart[data-figure]")];

  const draw = (place) => {
    if (!place.isConnected || !place.clientWidth) return; // in a tab that is closed: drawn when it is seen
    const chart = JSON.parse(place.dataset.figure);
    const isNew = !place.classList.contains("js-plotly-plot");
    smotextDrawing.draw(place, chart);
    const panel = place.parentElement.querySelector(".sx-reading");
    if (isNew && panel) smotextDrawing.listen(place, chart, panel);
  };

  // A place gets its width when its tab is opened, and another one when the window is turned.
  const widths = new WeakMap();
  const seen = new ResizeObserver((entries) => {
    for (const { target } of entries) {
      if (widths.get(target) !== target.clientWidth) draw(target);
      widths.set(target, target.clientWidth);
    }
  });
  const known = new WeakSet();
  const look = () => {
    for (const place of chartsOf(document)) {
      if (!known.has(place)) {
        known.add(place);
        seen.observe(place);
      }
    }
    // The visible words name the field; Gradio's hidden ones are others.
    for (const field of document.querySelectorAll("button[aria-dropeffect][aria-label]")) field.removeAttribute("aria-label");
  };
  new MutationObserver(look).observe(document.documentElement, { childList: true, subtree: true });
  look();

  const again = () => chartsOf(document).forEach(draw);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => setTimeout(again, 100));
})();
