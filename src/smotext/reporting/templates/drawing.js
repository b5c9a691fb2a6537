"use strict";
// Draws a figure, which names its colours as the style sheet does, in its place on the page.
const smotextDrawing = (() => {
  const PRINTED_PX = 660; // between the margins of an A4 page

  // A key that has "color" in it holds the name of a colour, or a list of them.
  const coloured = (value, css, key = "") => {
    if (Array.isArray(value)) return value.map((one) => coloured(one, css, key));
    if (value && typeof value === "object") {
      return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, coloured(one, css, name)]));
    }
    const isName = key.includes("color") && typeof value === "string" && value.startsWith("--");
    return isName ? css.getPropertyValue(value).trim() : value;
  };

  // plotly.js reads tags in what it draws: texts are shown letter by letter, in short lines.
  const escaped = (text) => text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
  const hover = (text) => {
    const lines = [""];
    for (const word of (text.length > 160 ? text.slice(0, 160) + "…" : text).split(/\s+/)) {
      if (lines[lines.length - 1].length + word.length > 38) lines.push("");
      lines[lines.length - 1] += word.slice(0, 60) + " ";
    }
    return lines.map(escaped).join("<br>");
  };

  const draw = (place, chart, isPrinted = false) => {
    const css = getComputedStyle(place);
    const isNarrow = !isPrinted && place.clientWidth < 520;
    const axis = { gridcolor: "--line", zerolinecolor: "--line", linecolor: "--line", automargin: true, fixedrange: !chart.zooms };
    const layout = {
      ...chart.layout,
      font: { family: css.fontFamily, size: isNarrow ? 11 : 13, color: "--ink" },
      paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
      margin: { l: 8, r: 12, t: chart.layout.showlegend ? 36 : 8, b: 44 },
      hoverlabel: { bgcolor: "--raised", bordercolor: "--soft", font: { color: "--ink" }, align: "left" },
      xaxis: { ...axis, ...chart.layout.xaxis }, yaxis: { ...axis, ...chart.layout.yaxis },
      width: isPrinted ? PRINTED_PX : undefined, autosize: !isPrinted,
    };
    const data = chart.data.map((trace) => (trace.texts ? { ...trace, hovertext: trace.texts.map(hover), texts: undefined } : trace));
    return Plotly.react(place, coloured(data, css), coloured(layout, css), { responsive: true, displayModeBar: false });
  };

  // The whole text of the point under the mouse or finger stands in a panel below the map.
  const listen = (place, chart, panel) => {
    const show = (event) => {
      const point = event.points[0];
      const texts = chart.data[point.curveNumber].texts;
      if (panel && texts) panel.textContent = texts[point.pointNumber];
    };
    for (const kind of ["plotly_hover", "plotly_click"]) place.on(kind, show);
  };

  return { draw, listen };
})();
