// Search, sort and details of the hosts, and their plots. All text is set as text, never as HTML.
"use strict";
(() => {
  const details = JSON.parse(document.getElementById("data").textContent);
  const table = document.getElementById("table");
  const bodies = [...table.tBodies];
  const columns = table.tHead.rows[0].cells.length;

  function element(name, properties, ...children) {
    const made = Object.assign(document.createElement(name), properties);
    made.append(...children);
    return made;
  }

  // Search.
  const search = document.getElementById("search");
  const onlyFailed = document.getElementById("only-failed");
  const shown = document.getElementById("shown");
  const texts = bodies.map((body) => body.textContent.toLowerCase());

  function filter() {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    let number = 0;
    bodies.forEach((body, index) => {
      const fits = words.every((word) => texts[index].includes(word));
      body.hidden = !fits || (onlyFailed.checked && !body.classList.contains("failed"));
      number += body.hidden ? 0 : 1;
    });
    shown.textContent = `${number} of ${bodies.length} hosts`;
  }
  search.addEventListener("input", filter);
  onlyFailed.addEventListener("change", filter);
  document.querySelector(".search").hidden = false;

  // Sort.
  const order = new Map(bodies.map((body, index) => [body, index]));

  function key(body, column) {
    const cell = body.rows[0].cells[column];
    return cell.dataset.v === undefined ? cell.textContent : Number(cell.dataset.v);
  }

  function compare(one, other) {
    if (typeof one === "number" && typeof other === "number") return one - other;
    // Hosts without a value stand behind the others.
    if (typeof one !== typeof other) return typeof one === "number" ? -1 : 1;
    return one.localeCompare(other, undefined, {numeric: true});
  }

  function sort(head, column) {
    const down = head.getAttribute("aria-sort") === "ascending";
    for (const other of head.parentElement.cells) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    const keys = new Map(bodies.map((body) => [body, key(body, column)]));
    const sorted = [...bodies].sort((one, other) => {
      const by = compare(keys.get(one), keys.get(other));
      return (down ? -by : by) || order.get(one) - order.get(other);
    });
    table.append(...sorted);
  }
  [...table.tHead.rows[0].cells].forEach((head, column) => {
    const button = element("button", {type: "button"}, head.textContent);
    button.addEventListener("click", () => sort(head, column));
    head.replaceChildren(button);
  });

  // Details.
  function smallTable(heads, rows) {
    const head = element("tr", {}, ...heads.map((text) => element("th", {scope: "col"}, text)));
    const lines = rows.map((row) => element("tr", {}, ...row.map((text) => {
      const bad = text === "FAILED" || text.includes("NO VALID ANSWER");
      return element("td", {className: bad ? "bad-word" : ""}, text);
    })));
    const made = element("table", {}, element("thead", {}, head), element("tbody", {}, ...lines));
    return element("div", {className: "scroll"}, made);
  }

  function detailsOf(host) {
    const parts = [];
    const facts = element("dl", {});
    for (const [label, text] of host.facts) facts.append(element("dt", {}, label), element("dd", {}, text));
    parts.push(facts);
    if (host.clock[0].length > 0) parts.push(element("h3", {}, "Clock over time"), plotsOf(host));
    if (host.sources.length > 0) {
      const heads = ["source", "state", "stratum", "reached", "last answer", "offset", "error", "authentication"];
      parts.push(element("h3", {}, "Sources"), smallTable(heads, host.sources));
    }
    if (host.findings.length > 0) {
      parts.push(element("h3", {}, "Findings"), smallTable(["result", "claim", "seen"], host.findings));
    }
    if (host.history.length > 0) {
      const heads = ["when", "event", "by", "generation", "changed", "result", "now"];
      parts.push(element("h3", {}, "Generations"), smallTable(heads, host.history));
    }
    return element("div", {className: "inner"}, ...parts);
  }

  function toggle(body, button, host) {
    if (body.rows.length > 1) {
      body.rows[1].remove();
      button.setAttribute("aria-expanded", "false");
      return;
    }
    const cell = element("td", {colSpan: columns}, detailsOf(host));
    body.append(element("tr", {className: "details"}, cell));
    button.setAttribute("aria-expanded", "true");
    cell.querySelectorAll(".plot").forEach((place) => place.draw());
  }
  details.forEach((host, index) => {
    const head = bodies[index].rows[0].cells[0];
    const button = element("button", {type: "button"}, head.textContent);
    button.setAttribute("aria-expanded", "false");
    button.addEventListener("click", () => toggle(bodies[index], button, host));
    head.replaceChildren(button);
  });

  // Plots.
  function summed(steps) {
    let sum = 0;
    return steps.map((step) => (sum += step));
  }

  function withUnit(nanoseconds) {
    const size = Math.abs(nanoseconds);
    if (size >= 1e9) return `${(nanoseconds / 1e9).toPrecision(3)} s`;
    if (size >= 1e6) return `${(nanoseconds / 1e6).toPrecision(3)} ms`;
    if (size >= 1e3) return `${(nanoseconds / 1e3).toPrecision(3)} µs`;
    return `${nanoseconds.toFixed(0)} ns`;
  }

  function extremes(values, text) {
    const least = values.reduce((one, other) => Math.min(one, other));
    const most = values.reduce((one, other) => Math.max(one, other));
    return `from ${text(least)} to ${text(most)}, last ${text(values[values.length - 1])}`;
  }

  function scaled(lines) {
    const sizes = lines.flatMap(([, , values]) => values.map(Math.abs));
    const largest = sizes.reduce((one, other) => Math.max(one, other), 0);
    const units = [[1e9, "s"], [1e6, "ms"], [1e3, "µs"], [1, "ns"]];
    return units.find(([factor]) => largest >= factor) || units[3];
  }

  const COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00"];
  const DASHES = ["solid", "dashed", "dotted", "dotdash", "dashdot", [12, 4]];

  function figureOf(title, summary, lines, factor, unit) {
    const place = element("div", {className: "plot"});
    place.setAttribute("role", "img");
    place.setAttribute("aria-label", `${title}: ${summary}`);
    place.draw = () => draw(place, lines, factor, unit);
    return element("figure", {}, element("figcaption", {}, element("b", {}, title), `: ${summary}`), place);
  }

  function draw(place, lines, factor, unit) {
    if (typeof Bokeh === "undefined") {
      place.textContent = document.getElementById("no-plots").textContent;
      place.style.height = "auto";
      return;
    }
    const figure = Bokeh.Plotting.figure({
      height: 218, sizing_mode: "stretch_width", x_axis_type: "datetime", y_axis_label: unit,
      tools: "pan,wheel_zoom,box_zoom,reset", toolbar_location: "above",
    });
    figure.toolbar.logo = null;
    figure.toolbar.active_scroll = null;
    lines.forEach(([label, times, values], index) => {
      const style = {color: COLOURS[index], line_dash: DASHES[index], line_width: 1.5};
      if (lines.length > 1) style.legend_label = label;
      const x = times.map((time) => time * 1000);
      const y = values.map((value) => value / factor);
      figure.line(x, y, style);
      figure.scatter(x, y, {...style, size: 3, line_dash: "solid"});
    });
    if (lines.length > 1) Object.assign(figure.legend, {location: "top_left", label_text_font_size: "10px"});
    Bokeh.Plotting.show(figure, place);
  }

  function plotsOf(host) {
    const [steps, offsets, bounds, frequencies] = host.clock;
    const times = summed(steps);
    const made = [];
    const clock = [["offset", times, offsets]];
    const ppm = (value) => `${(value / 1000).toFixed(3)} ppm`;
    made.push(figureOf("Offset", extremes(offsets, withUnit), clock, ...scaled(clock)));
    const bound = [["error bound", times, bounds]];
    made.push(figureOf("Error bound", extremes(bounds, withUnit), bound, ...scaled(bound)));
    made.push(figureOf("Frequency", extremes(frequencies, ppm), [["frequency", times, frequencies]], 1000, "ppm"));
    const sources = Object.entries(host.offsets).map(([name, [at, values]]) => [name, summed(at), values]);
    if (sources.length > 0) {
      const summary = sources.map(([name, , values]) => `${name} ${extremes(values, withUnit)}`).join("; ");
      made.push(figureOf("Offset from each source", summary, sources, ...scaled(sources)));
    }
    return element("div", {className: "plots"}, ...made);
  }

  filter();
})();
