// Reorders as they are decided, with the reason in the words of a shop.

import { $, content, h, keyed, state, text } from "./dom.js";
import { number, quantity, t, time, timeSeenFrom, weekday } from "./i18n.js";

const SHOWN = 25;
let seenBefore = false;

export const reset = () => { seenBefore = false; };

/** "2 cases", or "24 pieces" where there are no cases. */
function amount(order) {
  if (order.quantity === 0) return t("reorders.cancel");
  const units = order.unit === "gram" ? quantity(order.quantity, order.unit) : t("reorders.pieces", { quantity: number(order.quantity) });
  if (order.packs === order.quantity) return units;
  return [h("b", {}, t("reorders.packs", { count: order.packs, packs: number(order.packs) })), ` (${units})`];
}

/** "7 left, 12 on the way; 17 expected to sell on 3 selling days, 26 with a reserve" */
function reason(order) {
  const { on_hand: onHand, on_order: onOrder, in_transit: inTransit, forecast } = order.reason;
  const units = (value) => quantity(value, order.unit);
  const left = onHand > 0 ? "reorders.left" : onHand < 0 ? "reorders.left.negative" : "reorders.left.none";
  const coming = onOrder + inTransit;
  const expected = Math.round(forecast.reduce((sum, day) => sum + day, 0));
  const level = order.reason.order_up_to_level;
  return [
    t(left, { on_hand: units(onHand) }),
    coming > 0 ? t("reorders.coming", { coming: units(coming) }) : "",
    "; ",
    t("reorders.expected", { count: forecast.length, expected: units(expected) }),
    level > expected ? t("reorders.reserve", { level: units(level) }) : "",
  ].join("");
}

/** "m.schmitz: long weekend; 12 pieces were proposed" */
function person(order) {
  const proposed = order.proposed_quantity === order.quantity ? "" : t("reorders.proposed", { quantity: quantity(order.proposed_quantity, order.unit) });
  return `${order.actor}: ${order.release_reason}${proposed}`;
}

function draw(order) {
  return h("li", { class: "decision" },
    h("div", { class: "decision-head" },
      h("span", { class: "decision-name" }, order.name ?? order.sku),
      h("time", { datetime: order.ordered_at }, time(order.ordered_at))),
    h("p", { class: "decision-why" }, reason(order)),
    h("p", { class: "decision-what" },
      h("span", { class: "arrow", "aria-hidden": "true" }, "→"),
      h("span", { class: "decision-amount" }, amount(order)),
      h("span", { class: "decision-when" }, t("reorders.deliver", { day: weekday(order.deliver_by) }))),
    order.actor ? h("p", { class: "decision-why" }, person(order)) : null,
    h("p", { class: "under" },
      h("span", { class: `status order-${order.status}` }, t(`order.${order.status}`, { time: timeSeenFrom(order.cut_off_at, order.ordered_at) })),
      order.mode === "auto" ? null : h("span", { class: `mode ${order.mode}` }, t(`mode.${order.mode}`)),
      [order.store_name ?? order.store_id, order.revision > 0 ? t("reorders.changed", { count: order.revision }) : null].filter(Boolean).join(" · ")));
}

/** Show the first of the decisions, which come newest first; `names` maps store ids to names, which are left out where all are of one store. */
export function show(orders, names, ofOneStore) {
  const body = $("reorders-body");
  text($("reorders-note"), orders.length ? t("reorders.note") : "");
  if (orders.length === 0) {
    state(body, "empty", t("reorders.empty"), t("reorders.empty.hint"));
    return;
  }
  const list = content(body, `reorders ${document.documentElement.lang}`, () => h("ol", { class: "feed" }));
  const named = orders.slice(0, SHOWN).map((order) => ({ ...order, store_name: ofOneStore ? "" : names.get(order.store_id) }));
  const news = seenBefore;
  keyed(list, named, (order) => `${order.order_id}.${order.revision}.${order.release_reason ?? ""}`, draw, (_, isNew) => news && isNew);
  seenBefore = true;
}
