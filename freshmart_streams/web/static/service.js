// How well a store's articles are served: what was promised, and what came.

import { $, content, h, keyed, state, text } from "./dom.js";
import { number, percent, t } from "./i18n.js";

const COLUMNS = ["pace", "on_shelf", "promised", "covered_98", "covered_90", "bias"];

const head = () => h("thead", {}, h("tr", {}, COLUMNS.map((name) => h("th", { scope: "col", class: name === "pace" ? "" : "figure" }, t(`service.${name}`)))));

const share = (value) => (value === null ? "–" : percent(value));

function row(pace) {
  const cell = (name, kind = "") => h("td", { class: `figure ${kind}`, "data-label": t(`service.${name}`) }, share(pace[name]));
  return h("tr", {},
    h("th", { scope: "row" }, h("span", { class: "name" }, t(`service.${pace.pace}`)), h("span", { class: "under" }, t("service.days", { days: number(pace.article_days) }))),
    cell("on_shelf", "strong"), cell("promised"), cell("covered_98"), cell("covered_90"), cell("bias"));
}

export function show(paces, source) {
  const body = $("service-body");
  $("service-json").href = source;
  text($("service-note"), t("service.note"));
  if (!paces.some((pace) => pace.article_days > 0)) {
    state(body, "empty", t("service.empty"), t("service.empty.hint"));
    return;
  }
  const wrap = content(body, `service ${document.documentElement.lang}`, () =>
    h("div", { class: "table-wrap" }, h("table", { class: "rows" }, h("caption", { class: "visually-hidden" }, t("service.title")), head(), h("tbody"))));
  keyed(wrap.querySelector("tbody"), paces.filter((pace) => pace.article_days > 0), (pace) => pace.pace, row);
}
