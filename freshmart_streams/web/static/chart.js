// Three small pictures, drawn as SVG: a day by hours, the same as a spark, and an article's stock against its levels.

import { h, s } from "./dom.js";

const HEIGHT = 210;
const LEFT = 58;
const NARROW = 26; // pixels per hour below which only every third hour is named
const BOTTOM = 24;
const TOP = 12;

/** A round figure at or above `value`, so that the axis does not jump with every receipt. */
function ceiling(value) {
  if (value <= 0) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 1.5, 2, 3, 4, 5, 6, 8, 10].map((step) => step * power).find((step) => step >= value);
}

function roundedBar(x, top, width, bottom) {
  const radius = Math.min(4, width / 2, bottom - top);
  return `M${x} ${bottom}V${top + radius}q0 ${-radius} ${radius} ${-radius}h${width - 2 * radius}q${radius} 0 ${radius} ${radius}V${bottom}Z`;
}

/**
 * Bars for 24 hours, `width` pixels wide. `values` in cents, `running` the hour that is not over yet (or -1); `words`:
 * `axis(cents)`, `bar(hour, cents)`, `label`, `running`.
 */
export function hours(values, running, width, words) {
  const first = Math.min(6, ...values.map((value, hour) => (value > 0 ? hour : 23)));
  const last = Math.max(21, ...values.map((value, hour) => (value > 0 ? hour : 0)));
  const top = ceiling(Math.max(...values) / 100) * 100;
  const step = (width - LEFT) / (last - first + 1);
  const floor = HEIGHT - BOTTOM;
  const y = (cents) => floor - (Math.max(0, cents) / top) * (floor - TOP);
  const picture = s("svg", { viewBox: `0 0 ${width} ${HEIGHT}`, width, height: HEIGHT, class: "hours", role: "img", "aria-label": words.label });
  for (const share of [0, 0.5, 1]) {
    const at = y(top * share);
    picture.append(
      s("line", { x1: LEFT, x2: width, y1: at, y2: at, class: share ? "grid" : "axis" }),
      s("text", { x: LEFT - 8, y: at + 4, class: "tick end" }, words.axis(top * share)));
  }
  for (let hour = first; hour <= last; hour += 1) {
    const x = LEFT + (hour - first) * step;
    const cents = values[hour];
    const group = s("g", { class: hour === running ? "hour running" : "hour" },
      s("title", {}, words.bar(hour, cents)),
      s("rect", { x, y: TOP, width: step, height: floor - TOP, class: "hit" }));
    if (cents > 0) group.append(s("path", { d: roundedBar(x + step * 0.14, Math.min(y(cents), floor - 2), step * 0.72, floor), class: "bar" }));
    if (step >= NARROW || hour % 3 === 0) group.append(s("text", { x: x + step / 2, y: HEIGHT - 7, class: "tick middle" }, String(hour)));
    picture.append(group);
  }
  return picture;
}

/** A day as a row of thin bars, without words: the figures stand beside it. */
export function spark(values, running) {
  const top = Math.max(1, ...values);
  const picture = s("svg", { viewBox: "0 0 96 24", class: "spark", "aria-hidden": "true", focusable: "false" });
  for (let hour = 0; hour < 24; hour += 1) {
    const height = values[hour] > 0 ? Math.max(1.5, (values[hour] / top) * 23) : 0.75;
    picture.append(s("rect", {
      x: hour * 4 + 0.5, y: 24 - height, width: 3, height, rx: 1,
      class: values[hour] > 0 ? (hour === running ? "now" : "was") : "none",
    }));
  }
  return picture;
}

/** What an article has and gets, with marks where it is reordered and up to where. The same figures stand beside it. */
export function position(row) {
  const onHand = Math.max(0, row.on_hand);
  const total = onHand + row.in_transit + row.on_order;
  const scale = Math.max(1, total, (row.order_up_to_level ?? 0) * 1.12);
  const x = (value) => (value / scale) * 120;
  const picture = s("svg", { viewBox: "0 0 120 16", class: "position", "aria-hidden": "true", focusable: "false", preserveAspectRatio: "none" },
    s("rect", { x: 0, y: 4, width: 120, height: 8, rx: 4, class: "track" }));
  let at = 0;
  for (const [value, name] of [[onHand, "hand"], [row.in_transit, "transit"], [row.on_order, "order"]]) {
    if (value > 0) picture.append(s("rect", { x: x(at), y: 4, width: Math.max(1.5, x(value)), height: 8, rx: 2, class: name }));
    at += value;
  }
  for (const mark of [row.reorder_point, row.order_up_to_level]) {
    if (mark > 0) picture.append(s("rect", { x: Math.min(118.5, x(mark)), y: 1, width: 1.5, height: 14, class: "mark" }));
  }
  return picture;
}

/** The same hours as a table. */
export function hoursTable(values, words) {
  const rows = values.map((cents, hour) => ({ hour, cents })).filter(({ cents }) => cents !== 0);
  return h("table", { class: "small" },
    h("caption", { class: "visually-hidden" }, words.caption),
    h("thead", {}, h("tr", {}, h("th", { scope: "col" }, words.hour), h("th", { scope: "col", class: "figure" }, words.net))),
    h("tbody", {}, rows.map(({ hour, cents }) =>
      h("tr", {}, h("th", { scope: "row" }, words.span(hour)), h("td", { class: "figure" }, words.money(cents))))));
}
