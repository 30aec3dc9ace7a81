// A store's stock: filters, pages by cursor, and a search that reads all pages.

import { read } from "./api.js";
import { position } from "./chart.js";
import { $, content, h, keyed, state, text } from "./dom.js";
import { euro, quantity, t, tenth } from "./i18n.js";

const PER_PAGE = 50;
const SEARCH_PER_PAGE = 1000;
const SEARCH_PAGES_MAX = 30;
const STATUSES = ["ok", "low", "out", "negative", "phantom"];
const COLUMNS = ["article", "status", "on_hand", "on_order", "in_transit", "position", "reorder_point", "level", "cover"];

const LEGEND = [["hand", "on_hand"], ["transit", "in_transit"], ["order", "on_order"], ["mark", "marks"]];

const view = { store: null, statuses: new Set(), category: "", search: "", cursors: [null] };
let again = () => {};

export function setUp(restart) {
  again = restart;
  let typing;
  $("stock-search").addEventListener("input", (event) => {
    clearTimeout(typing);
    typing = setTimeout(() => change({ search: event.target.value.trim().toLowerCase() }), 200);
  });
  $("stock-category").addEventListener("change", (event) => change({ category: event.target.value }));
  $("stock-next").addEventListener("click", () => { if (view.next) { view.cursors.push(view.next); refresh(); } });
  $("stock-previous").addEventListener("click", () => { if (view.cursors.length > 1) { view.cursors.pop(); refresh(); } });
}

export function words() {
  $("stock-statuses").replaceChildren(...STATUSES.map((status) =>
    h("button", { type: "button", class: `chip ${status}`, "data-status": status, "aria-pressed": String(view.statuses.has(status)), onclick: () => toggle(status) }, t(`status.${status}`))));
  $("stock-body").print = undefined;
}

function toggle(status) {
  const statuses = new Set(view.statuses);
  if (!statuses.delete(status)) statuses.add(status);
  change({ statuses });
  for (const chip of $("stock-statuses").children) chip.setAttribute("aria-pressed", String(statuses.has(chip.dataset.status)));
}

function change(changes) {
  Object.assign(view, changes, { cursors: [null], next: null });
  refresh();
}

function refresh() {
  $("stock").setAttribute("aria-busy", "true");
  again();
}

/** Turn to a store, from the first page on and without filters. */
export function open(store) {
  $("stock-search").value = "";
  Object.assign(view, { store, statuses: new Set(), category: "", search: "", cursors: [null], next: null });
  words();
  if (store) state($("stock-body"), "loading", t("loading"));
}

/** The categories to choose from: those that sold today. */
export function categories(names) {
  const wanted = ["", ...names].join("\n");
  const select = $("stock-category");
  if (select.print === wanted + document.documentElement.lang) return;
  select.print = wanted + document.documentElement.lang;
  select.replaceChildren(h("option", { value: "" }, t("stock.category.all")), ...names.map((name) => h("option", { value: name }, name)));
  select.value = view.category;
}

function url(limit, cursor) {
  const query = new URLSearchParams();
  if (view.category) query.set("category", view.category);
  if (view.statuses.size) query.set("status", STATUSES.filter((status) => view.statuses.has(status)).join(","));
  query.set("limit", limit);
  if (cursor) query.set("cursor", cursor);
  return `/v1/stores/${encodeURIComponent(view.store)}/stock?${query}`;
}

const fits = (row) => `${row.name ?? ""} ${row.sku} ${row.category ?? ""}`.toLowerCase().includes(view.search);

/** Read what is to be shown and show it; the seconds until the next time. */
export async function load(signal, isCurrent) {
  if (view.search) return search(signal, isCurrent);
  const source = url(PER_PAGE, view.cursors.at(-1));
  const { data } = await read(source, signal);
  if (!isCurrent()) return undefined;
  view.next = data.next;
  show(data.items, source, data.next !== null || view.cursors.length > 1);
  return 1;
}

async function search(signal, isCurrent) {
  const found = [];
  let cursor = null;
  for (let page = 0; page < SEARCH_PAGES_MAX && found.length < PER_PAGE; page += 1) {
    const { data } = await read(url(SEARCH_PER_PAGE, cursor), signal);
    found.push(...data.items.filter(fits));
    cursor = data.next;
    if (cursor === null) break;
  }
  if (!isCurrent()) return undefined;
  show(found.slice(0, PER_PAGE), url(SEARCH_PER_PAGE, null), false);
  return 5;
}

function show(items, source, paged) {
  $("stock").removeAttribute("aria-busy");
  $("stock-json").href = source;
  const body = $("stock-body");
  $("stock-pager").hidden = !paged;
  $("stock-previous").disabled = view.cursors.length === 1;
  $("stock-next").disabled = !view.next;
  text($("stock-page"), t("stock.page", { page: view.cursors.length }));
  text($("stock-note"), t("stock.count", { count: items.length }));
  if (items.length === 0 && !view.next) {
    const filtered = view.search || view.category || view.statuses.size;
    state(body, "empty", t(filtered ? "stock.none" : "stock.empty"), t(filtered ? "stock.none.hint" : "stock.empty.hint"));
    return;
  }
  const wrap = content(body, `stock ${document.documentElement.lang}`, table);
  keyed(wrap.querySelector("tbody"), items, (row) => row.sku, draw);
}

const kindOf = (column) => (["article", "status", "position"].includes(column) ? "" : "figure");

const table = () => h("div", { class: "table-wrap" },
  h("table", { class: "rows stock" },
    h("caption", { class: "legend" },
      LEGEND.map(([name, column]) => h("span", {}, h("span", { class: `swatch ${name}`, "aria-hidden": "true" }), t(`stock.${column}`)))),
    h("thead", {}, h("tr", {}, COLUMNS.map((column) => h("th", { scope: "col", class: kindOf(column) }, t(`stock.${column}`))))),
    h("tbody")));

function draw(row) {
  const cell = (column, kind, ...content) => h("td", { class: `${kindOf(column)} ${kind}`, "data-label": t(`stock.${column}`) }, ...content);
  const units = (value) => (value === null ? "–" : quantity(value, row.unit));
  const some = (value) => (value ? units(value) : h("span", { class: "nil" }, "0"));
  return h("tr", {},
    h("th", { scope: "row" }, h("span", { class: "name" }, row.name ?? row.sku), h("span", { class: "under" }, [row.name ? row.sku : null, row.category, row.price === null ? null : euro(row.price)].filter(Boolean).join(" · "))),
    cell("status", "", h("span", { class: `status ${row.status}` }, t(`status.${row.status}`))),
    cell("on_hand", "strong", units(row.on_hand)),
    cell("on_order", "", some(row.on_order)),
    cell("in_transit", "", some(row.in_transit)),
    cell("position", "picture", h("span", { class: "with-bar" }, position(row), h("span", { class: "bar-figure" }, units(row.inventory_position)))),
    cell("reorder_point", "", units(row.reorder_point)),
    cell("level", "", units(row.order_up_to_level)),
    cell("cover", "", row.days_of_cover === null ? "–" : t("stock.cover.days", { days: tenth(row.days_of_cover) })));
}
