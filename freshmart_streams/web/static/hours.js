// Net sales by hour, as a chart and as a table.

import { hours, hoursTable } from "./chart.js";
import { $, h, state, text } from "./dom.js";
import { euro, euros, hourOf, t } from "./i18n.js";

let asTable = false;
let shown = "";
let last;

const span = (hour) => `${hour}–${hour + 1}`;

export function setUp() {
  let width = 0;
  new ResizeObserver(([{ contentRect }]) => {
    if (Math.abs(contentRect.width - width) < 2) return;
    width = contentRect.width;
    shown = "";
    if (last) show(...last);
  }).observe($("hours-chart"));
  $("hours-toggle").addEventListener("click", () => {
    asTable = !asTable;
    shown = "";
    if (last) show(...last);
  });
}

/** Show a day's hours; `clock` is the store's time, in whose hour sales still come in. */
export function show(day, clock, source) {
  last = [day, clock, source];
  $("hours-json").href = source;
  $("hours-toggle").setAttribute("aria-expanded", String(asTable));
  text($("hours-toggle"), t(asTable ? "hours.chart" : "hours.table"));
  $("hours-chart").hidden = asTable;
  $("hours-table").hidden = !asTable;
  if (!day.hourly.some((cents) => cents > 0)) {
    shown = "";
    text($("hours-note"), "");
    state($("hours-chart"), "empty", t("hours.empty"));
    $("hours-table").replaceChildren();
    return;
  }
  const running = clock ? hourOf(clock) : -1;
  const print = JSON.stringify([day.hourly, running, asTable, document.documentElement.lang]);
  if (print === shown) return;
  shown = print;
  draw(day.hourly, running);
}

// The picture is as wide as its panel, so that its words keep their size on a telephone.
const width = () => Math.max(280, Math.floor($("hours").clientWidth - (matchMedia("(max-width: 720px)").matches ? 20 : 40)));

function draw(values, running) {
  const best = values.indexOf(Math.max(...values));
  const label = t("hours.label", { hour: span(best), net: euro(values[best]) });
  text($("hours-note"), "");
  if (values[running] > 0) {
    $("hours-note").replaceChildren(h("span", { class: "key", "aria-hidden": "true" }), `${t("hours.running")} ${span(running)}: ${euro(values[running])}`);
  }
  $("hours-chart").print = "chart";
  $("hours-chart").replaceChildren(hours(values, running, width(), {
    axis: (cents) => euros(cents),
    bar: (hour, cents) => t("hours.bar", { from: `${hour}:00`, to: `${hour + 1}:00`, net: euro(cents) }),
    label,
  }));
  $("hours-table").replaceChildren(hoursTable(values, { caption: t("hours.title"), hour: t("hours.hour"), net: t("hours.net"), span, money: euro }));
}
