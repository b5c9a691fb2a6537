"use strict";
// Draws every figure of the page, again whenever light turns to dark, and in light for the printer.
(() => {
  const charts = JSON.parse(document.getElementById("chart-data").textContent);
  const root = document.documentElement;
  const placeOf = (chart) => document.getElementById("chart-" + chart.name);

  const draw = () => {
    for (const chart of charts) smotextDrawing.draw(placeOf(chart), chart, root.classList.contains("printing"));
  };

  draw();
  for (const chart of charts) {
    smotextDrawing.listen(placeOf(chart), chart, document.getElementById(`chart-${chart.name}-reading`));
  }
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  addEventListener("beforeprint", () => {
    root.classList.add("printing");
    for (const part of document.querySelectorAll("details")) part.open = true;
    draw();
  });
  addEventListener("afterprint", () => {
    root.classList.remove("printing");
    draw();
  });
})();
