// The headline: today's figures of all stores, or of one.

import { $, h, text } from "./dom.js";
import { euro, euros, number, t } from "./i18n.js";

const TILES = ["net", "receipts", "orders", "stockouts", "alerts"];

/** Sum the running days of stores. */
export function sum(days) {
  const total = { net_sales: 0, receipts: 0, discounts: 0, reorders: 0, stockout_skus: 0, hourly: Array(24).fill(0) };
  for (const day of days) {
    for (const name of ["net_sales", "receipts", "discounts", "reorders", "stockout_skus"]) total[name] += day[name];
    day.hourly.forEach((cents, hour) => { total.hourly[hour] += cents; });
  }
  return total;
}

const counted = (list) => `${number(list.count)}${list.more ? "+" : ""}`;

function values(day, orders, alerts) {
  const average = day.receipts > 0 ? euro(day.net_sales / day.receipts) : "–";
  return {
    net: [euros(day.net_sales), t("figures.net.note", { discounts: euros(day.discounts) })],
    receipts: [number(day.receipts), t("figures.receipts.note", { average })],
    orders: [orders ? counted(orders) : "–", t("figures.orders.note", { today: number(day.reorders) })],
    stockouts: [number(day.stockout_skus), t("figures.stockouts.note")],
    alerts: alerts ? [counted(alerts), t(alerts.count ? "figures.alerts.note" : "figures.alerts.none")] : ["–", ""],
  };
}

/** Show a day (summed or a store's; undefined while loading) and how many orders and alerts are open. */
export function show(day, orders, alerts, source) {
  const list = $("figures-list");
  if (!list.firstElementChild) {
    for (const tile of TILES) {
      list.append(h("div", { class: `figure-tile ${tile}` }, h("dt", {}), h("dd", { class: "value" }), h("dd", { class: "note" })));
    }
  }
  const shown = day ? values(day, orders, alerts) : {};
  TILES.forEach((tile, place) => {
    const [value, note] = shown[tile] ?? ["–", ""];
    const [name, figure, remark] = list.children[place].children;
    text(name, t(`figures.${tile}`));
    text(figure, value);
    text(remark, note);
    list.children[place].classList.toggle("due", tile === "alerts" && Boolean(alerts?.count));
  });
  $("figures-json").href = source;
}
