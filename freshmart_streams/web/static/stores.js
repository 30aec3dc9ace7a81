// The stores with their running day.

import { spark } from "./chart.js";
import { $, content, h, keyed, state, text } from "./dom.js";
import { euro, hourOf, number, t, time } from "./i18n.js";

export const LIMIT = 200;
const COLUMNS = [["store", ""], ["net", "figure"], ["receipts", "figure"], ["hours", ""], ["orders", "figure"], ["stockouts", "figure"], ["mode", ""]];

const head = () => h("thead", {}, h("tr", {}, COLUMNS.map(([name, kind]) => h("th", { scope: "col", class: kind }, t(`stores.${name}`)))));

const cell = (name, kind, ...content) => h("td", { class: kind, "data-label": t(`stores.${name}`) }, ...content);

function row(store) {
  const day = store.today;
  const running = store.as_of ? hourOf(store.as_of) : -1;
  return h("tr", { class: "goes" },
    h("th", { scope: "row" },
      h("a", { href: `#store=${encodeURIComponent(store.store_id)}`, class: "row-link" }, store.name ?? store.store_id),
      h("span", { class: "under" }, [store.name ? store.store_id : null, store.state, store.as_of ? time(store.as_of) : null].filter(Boolean).join(" · "))),
    cell("net", "figure strong", day ? euro(day.net_sales) : "–"),
    cell("receipts", "figure", day ? number(day.receipts) : "–"),
    cell("hours", "picture", day ? spark(day.hourly, running) : null),
    cell("orders", "figure", day ? number(day.reorders) : "–"),
    cell("stockouts", "figure", day ? number(day.stockout_skus) : "–"),
    cell("mode", "", h("span", { class: `mode ${store.rollout.reorder}` }, t(`mode.${store.rollout.reorder}`))));
}

export function show(stores, more) {
  const body = $("stores-body");
  text($("stores-note"), more ? t("stores.more", { count: stores.length }) : "");
  if (stores.length === 0) {
    state(body, "empty", t("stores.empty"), t("stores.empty.hint"));
    return;
  }
  const wrap = content(body, `stores ${document.documentElement.lang}`, () =>
    h("div", { class: "table-wrap" }, h("table", { class: "rows" }, h("caption", { class: "visually-hidden" }, t("stores.title")), head(), h("tbody"))));
  keyed(wrap.querySelector("tbody"), stores, (store) => store.store_id, row);
}
