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
  let ordered = "";
  const texts = bodies.map((body) => body.textContent.toLowerCase());

  function filter() {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    let number = 0;
    bodies.forEach((body, index) => {
      const fits = words.every((word) => texts[index].includes(word));
      body.hidden = !fits || (onlyFailed.checked && !body.classList.contains("failed"));
      number += body.hidden ? 0 : 1;
    });
    shown.textContent = `${number} of ${bodies.length} hosts${ordered}`;
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
    ordered = `, by ${head.textContent}${down ? ", descending" : ""}`;
    filter();
  }
  [...table.tHead.rows[0].cells].forEach((head, column) => {
    const button = element("button", {type: "button"}, head.textContent);
    button.addEventListener("click", () => sort(head, column));
    head.replaceChildren(button);
  });

  // Details.
  const heads = [...table.tHead.rows[0].cells].map((head) => head.textContent);

  function smallTable(caption, columnNames, rows) {
    const head = element("tr", {}, ...columnNames.map((text) => element("th", {scope: "col"}, text)));
    const made = element("table", {}, element("caption", {className: "unseen"}, caption));
    made.append(element("thead", {}, head), element("tbody", {}, ...rows));
    const scroll = element("div", {className: "scroll", tabIndex: 0}, made);
    scroll.setAttribute("role", "group");
    scroll.setAttribute("aria-label", `Table: ${caption}`);
    return [element("h3", {}, caption), scroll];
  }

  function lineOf(cells, headed) {
    return element("tr", {}, ...cells.map((text, column) => {
      if (headed && column === 0) return element("th", {scope: "row"}, text);
      const bad = text === "FAILED" || text.includes("NO VALID ANSWER");
      return element("td", {className: bad ? "bad-word" : ""}, text);
    }));
  }

  function sourceLines(cells) {
    const [fault] = cells.slice(-1);
    const line = lineOf(cells.slice(0, -1), true);
    if (!fault) return [line];
    const text = element("div", {}, `${cells[0]} gives no time: ${fault}`);
    const words = element("td", {className: "fault", colSpan: cells.length - 1}, text);
    return [line, element("tr", {}, words)];
  }

  function factsOf(host, row) {
    const facts = element("dl", {});
    // Columns of the table that a narrow screen has no room for.
    for (const [column, cell] of [...row.cells].entries()) {
      if (!cell.classList.contains("wide") || !cell.textContent || heads[column] === "generation") continue;
      const properties = {className: "only-narrow"};
      facts.append(element("dt", properties, heads[column]), element("dd", properties, cell.textContent));
    }
    for (const [label, text] of host.facts) facts.append(element("dt", {}, label), element("dd", {}, text));
    return facts;
  }

  function detailsOf(host, row) {
    const parts = [factsOf(host, row)];
    if (host.ranges.length > 0) {
      parts.push(...plotsOf(host));
      const names = ["value", "least", "median", "largest", "last"];
      parts.push(...smallTable("Values over time", names, rangeLines(host)));
    }
    if (host.thinned) parts.push(element("p", {className: "explained"}, host.thinned));
    if (host.sources.length > 0) {
      const names = ["source", "state", "stratum", "reached", "last answer", "offset", "error", "authentication"];
      parts.push(...smallTable("Sources", names, host.sources.flatMap(sourceLines)));
    }
    if (host.findings.length > 0) {
      const lines = host.findings.map((cells) => lineOf(cells, false));
      parts.push(...smallTable("Findings", ["result", "claim", "seen"], lines));
    }
    if (host.history.length > 0) {
      const names = ["when", "event", "by", "generation", "changed", "result", "now"];
      parts.push(...smallTable("Generations", names, host.history.map((cells) => lineOf(cells, true))));
    }
    return element("div", {className: "inner"}, ...parts);
  }

  function toggle(body, button, host) {
    if (body.rows.length > 1) {
      body.rows[1].remove();
      button.setAttribute("aria-expanded", "false");
      return;
    }
    const cell = element("td", {colSpan: columns}, detailsOf(host, body.rows[0]));
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

  // On paper nothing can be opened.
  let closed = [];
  addEventListener("beforeprint", () => {
    closed = [...document.querySelectorAll("details:not([open])")];
    for (const one of closed) one.open = true;
  });
  addEventListener("afterprint", () => {
    for (const one of closed) one.open = false;
  });

  // Plots.
  const COLOURS = ["#0072b2", "#c24e00", "#00805d", "#a8447f", "#6a51a3", "#7a6200"];
  const DASHES = [[], [8, 4], [2, 3], [8, 3, 2, 3], [12, 4], [4, 4]];

  function summed(steps) {
    let sum = 0;
    return steps.map((step) => (sum += step));
  }

  function scaled(lines) {
    const sizes = lines.flatMap(([, , values]) => values.map(Math.abs));
    const largest = sizes.reduce((one, other) => Math.max(one, other), 0);
    const units = [[1e9, "s"], [1e6, "ms"], [1e3, "µs"], [1, "ns"]];
    return units.find(([factor]) => largest >= factor) || units[3];
  }

  function swatch(index) {
    const drawing = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    const line = document.createElementNS("http://www.w3.org/2000/svg", "path");
    drawing.setAttribute("class", "swatch");
    drawing.setAttribute("viewBox", "0 0 34 8");
    drawing.setAttribute("aria-hidden", "true");
    const properties = {d: "M0 4H34", stroke: COLOURS[index], "stroke-width": 2, "stroke-dasharray": DASHES[index].join(" ")};
    for (const [name, value] of Object.entries(properties)) line.setAttribute(name, value);
    drawing.append(line);
    return drawing;
  }

  function rangeLines(host) {
    // The lines of the clock stand before those of the sources.
    const first = host.ranges.length - Object.keys(host.offsets).length;
    return host.ranges.map((cells, index) => {
      if (index < first) return lineOf(cells, true);
      const line = lineOf([`offset from ${cells[0]}`, ...cells.slice(1)], true);
      line.cells[0].prepend(swatch(index - first));
      return line;
    });
  }

  function figureOf(title, lines, range, factor, unit) {
    const place = element("div", {className: "plot"});
    place.setAttribute("role", "img");
    place.setAttribute("aria-label", `Plot: ${title}. The table below the plots has its values.`);
    place.draw = () => draw(place, lines, range, factor, unit);
    return element("figure", {}, element("figcaption", {}, title), place);
  }

  function draw(place, lines, range, factor, unit) {
    // A text, because the labels of Bokeh's own table are too light to be read.
    const tooltips = `${lines.length > 1 ? "$name<br>" : ""}@x{%F %T}<br>@y ${unit}`;
    const figure = Bokeh.Plotting.figure({
      height: 218, sizing_mode: "stretch_width", x_axis_type: "datetime", x_range: range, y_axis_label: unit,
      toolbar_location: null, tools: [new Bokeh.HoverTool({tooltips, formatters: {"@x": "datetime"}})],
      background_fill_color: null, border_fill_color: null, min_border_right: 16,
    });
    lines.forEach(([name, times, values], index) => {
      // In the tooltip, Bokeh 3.1 takes the name as HTML.
      const style = {name: name.replace(/[<>&]/g, "?"), color: COLOURS[index]};
      const x = times.map((time) => time * 1000);
      const y = values.map((value) => value / factor);
      figure.line(x, y, {...style, line_dash: DASHES[index], line_width: 1.5});
      figure.scatter(x, y, {...style, size: 3});
    });
    // The plot is a picture: the buttons above it move all plots of the host, and Tab goes past it.
    Bokeh.Plotting.show(figure, place).then(() => unfocusable(place));
  }

  function unfocusable(root) {
    for (const one of root.querySelectorAll("*")) {
      if (one.hasAttribute("tabindex")) one.tabIndex = -1;
      if (one.shadowRoot) unfocusable(one.shadowRoot);
    }
  }

  // The time of all plots of a host, in milliseconds since 1970.
  function wholeTime(lines) {
    const times = lines.filter(([, at]) => at.length > 0).flatMap(([, at]) => [at[0], at[at.length - 1]]);
    const start = Math.min(...times), end = Math.max(...times);
    const margin = Math.max((end - start) * 0.02, 30);
    return [(start - margin) * 1000, (end + margin) * 1000];
  }

  // Each plot has a range of its own, because it is a document of Bokeh; all of them move together.
  function timeButtons(ranges, [start, end]) {
    function change(factor, shift) {
      const length = ranges[0].end - ranges[0].start;
      const middle = ranges[0].start + length * (0.5 + shift);
      show({start: middle - length * factor / 2, end: middle + length * factor / 2});
    }
    function show(time) {
      for (const range of ranges) range.setv(time);
    }
    const actions = {
      "Zoom in": () => change(0.5, 0), "Zoom out": () => change(2, 0),
      "Earlier": () => change(1, -0.5), "Later": () => change(1, 0.5), "Whole time": () => show({start, end}),
    };
    const buttons = Object.entries(actions).map(([name, action]) => {
      const button = element("button", {type: "button"}, name);
      button.addEventListener("click", action);
      return button;
    });
    const group = element("div", {className: "times"}, ...buttons);
    group.setAttribute("role", "group");
    group.setAttribute("aria-label", "Time that the plots show");
    return group;
  }

  function plotsOf(host) {
    const [steps, offsets, bounds, frequencies] = host.clock;
    const times = summed(steps);
    const sources = Object.entries(host.offsets).map(([name, [at, values]]) => [name, summed(at), values]);
    const clock = [["offset", times, offsets]], bound = [["error bound", times, bounds]];
    const plots = [
      ["Offset", clock, ...scaled(clock)],
      ["Error bound", bound, ...scaled(bound)],
      ["Frequency", [["frequency", times, frequencies]], 1000, "ppm"],
      ["Offset from each source", sources, ...scaled(sources)],
    ].filter(([, lines]) => lines.some(([, at]) => at.length > 0));
    if (plots.length === 0) return [];
    const heading = element("h3", {}, "Clock over time (UTC)");
    if (typeof Bokeh === "undefined") {
      return [heading, element("p", {className: "explained"}, document.getElementById("no-plots").textContent)];
    }
    const [start, end] = wholeTime(plots.flatMap(([, lines]) => lines));
    const ranges = plots.map(() => new Bokeh.Range1d({start, end}));
    const figures = plots.map(([title, lines, factor, unit], index) => figureOf(title, lines, ranges[index], factor, unit));
    return [heading, timeButtons(ranges, [start, end]), element("div", {className: "plots"}, ...figures)];
  }

  filter();
})();
