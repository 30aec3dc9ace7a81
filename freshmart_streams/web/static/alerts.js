// What a person should look at.

import { $, content, h, keyed, state, text } from "./dom.js";
import { has, number, t, time, weekday } from "./i18n.js";

const SHOWN = 30;

function draw(alert) {
  const known = has(`alert.${alert.kind}`);
  return h("li", { class: "alert" },
    h("span", { class: "alert-sign", "aria-hidden": "true" }, "!"),
    h("div", {},
      h("p", { class: "alert-title" }, known ? t(`alert.${alert.kind}`) : alert.kind),
      h("p", { class: "alert-what" }, [alert.name ?? alert.sku, known ? t(`alert.${alert.kind}.do`) : alert.message].filter(Boolean).join(" – ")),
      h("p", { class: "under" }, [alert.store_name ?? alert.store_id, `${weekday(alert.at)} ${time(alert.at)}`].filter(Boolean).join(" · "))));
}

/** Show the open alerts, the newest first; `names` maps store ids to names. */
export function show(alerts, more, names, ofOneStore) {
  const body = $("alerts-body");
  text($("alerts-note"), alerts.length ? `${number(alerts.length)}${more ? "+" : ""}` : "");
  if (alerts.length === 0) {
    state(body, "empty good", t("alerts.empty"), t("alerts.empty.hint"));
    return;
  }
  const list = content(body, `alerts ${document.documentElement.lang}`, () => h("ul", { class: "feed" }));
  const newest = [...alerts].sort((a, b) => Date.parse(b.at) - Date.parse(a.at) || (a.alert_id < b.alert_id ? -1 : 1)).slice(0, SHOWN);
  keyed(list, newest.map((alert) => ({ ...alert, store_name: ofOneStore ? "" : names.get(alert.store_id) })), (alert) => alert.alert_id, draw);
}
