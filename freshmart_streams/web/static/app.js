// The dashboard: what is looked at (all stores, or `#store=…`), and the polls that keep it up to date.

import * as alerts from "./alerts.js";
import { Poll, hasToken, read, readText, setToken, takeTokenFromAddress } from "./api.js";
import * as dialog from "./dialog.js";
import { $, state, text } from "./dom.js";
import * as errors from "./errors.js";
import * as figures from "./figures.js";
import * as hours from "./hours.js";
import { current, day, number, preferred, t, time, use } from "./i18n.js";
import * as reorders from "./reorders.js";
import * as service from "./service.js";
import * as stock from "./stock.js";
import * as stores from "./stores.js";

const names = new Map(); // store id → name
const now = { store: null, place: null, placeSource: "", clock: null, orders: undefined, alerts: undefined, stale: false, lag: 0, lost: false };

const polls = {
  place: new Poll(1, (signal, isCurrent) => guarded(isCurrent, loadPlace(signal, isCurrent), ["stores-body", "hours-chart", "service-body"])),
  stock: new Poll(1, (signal, isCurrent) => guarded(isCurrent, stock.load(signal, isCurrent), ["stock-body"])),
  reorders: new Poll(1, (signal, isCurrent) => guarded(isCurrent, loadReorders(signal, isCurrent), ["reorders-body"])),
  alerts: new Poll(2, (signal, isCurrent) => guarded(isCurrent, loadAlerts(signal, isCurrent), ["alerts-body"])),
  lag: new Poll(5, (signal, isCurrent) => guarded(isCurrent, loadLag(isCurrent), [])),
};

/** Show refusals in the panels they concern, ask for a token where one is needed, and slow down. */
async function guarded(isCurrent, loading, bodies) {
  try {
    const wait = await loading;
    if (isCurrent()) now.lost = false;
    return wait;
  } catch (error) {
    if (error.name === "AbortError" || error.status === undefined) throw error;
    if (!isCurrent()) return undefined;
    if (error.status === 401) {
      askForToken(hasToken());
      return 60;
    }
    now.lost = error.status === 0 || error.status === 503;
    // What is on the screen stays there while the server is away for a moment.
    for (const body of bodies) if (!now.lost || !$(body).classList.contains("shown")) errors.show($(body), error);
    showPulse();
    return Math.max(2, error.retryAfter ?? 0);
  }
}

const shown = (body) => $(body).classList.add("shown");

async function loadPlace(signal, isCurrent) {
  if (now.store) {
    const url = `/v1/stores/${encodeURIComponent(now.store)}`;
    const { data, clock } = await read(url, signal);
    if (isCurrent()) showStore(data, clock, url);
    return;
  }
  const url = `/v1/stores?limit=${stores.LIMIT}`;
  const { data, clock } = await read(url, signal);
  if (!isCurrent()) return;
  const items = data.items;
  for (const store of items) names.set(store.store_id, store.name ?? store.store_id);
  // More stores than one page holds: then the company's sum is not the sum of what is here.
  const company = data.next === null ? null : (await read("/v1/company/report", signal)).data;
  if (!isCurrent()) return;
  showAll(items, data, company, clock, url);
}

function showAll(items, page, company, clock, url) {
  const total = company ?? figures.sum(items.map((store) => store.today).filter(Boolean));
  const count = company?.stores ?? items.length;
  text($("place-title"), t("place.all"));
  text($("place-text"), t("place.all.text", { count }));
  stores.show(items, page.next !== null);
  shown("stores-body");
  showDay(total, page.stale, clock ?? page.as_of, company ? "/v1/company/report" : url);
  $("stores-json").href = url;
}

function showStore(store, clock, url) {
  names.set(store.store_id, store.name ?? store.store_id);
  text($("place-title"), store.name ?? store.store_id);
  text($("place-text"), t("place.store.text", { id: store.store_id, zone: store.timezone }));
  document.title = `${store.name ?? store.store_id} · FreshMart Streams`;
  service.show(store.service, url);
  shown("service-body");
  stock.categories(Object.keys(store.today?.by_category ?? {}).sort());
  showDay(store.today ?? figures.sum([]), store.stale, clock ?? store.as_of, url);
}

function showDay(total, stale, clock, source) {
  Object.assign(now, { place: total, placeSource: source, clock, stale: Boolean(stale) });
  figures.show(total, now.orders, now.alerts, source);
  hours.show(total, clock, source);
  shown("hours-chart");
  text($("clock-time"), clock ? time(clock) : "");
  text($("clock-day"), clock ? day(clock) : "");
  $("notice").hidden = !stale;
  if (stale) text($("notice"), t("place.stale"));
  showPulse();
}

const ofStore = (path) => (now.store ? `${path}&store_id=${encodeURIComponent(now.store)}` : path);

async function loadReorders(signal, isCurrent) {
  const url = ofStore("/v1/reorders?status=proposed,sent,confirmed,in-transit,overdue&limit=1000");
  const { data } = await read(url, signal);
  if (!isCurrent()) return;
  now.orders = { count: data.items.length, more: data.next !== null };
  reorders.show(data.items, names, Boolean(now.store));
  shown("reorders-body");
  $("reorders-json").href = url;
  if (now.place) figures.show(now.place, now.orders, now.alerts, now.placeSource);
}

async function loadAlerts(signal, isCurrent) {
  const url = ofStore("/v1/alerts?limit=200");
  const { data } = await read(url, signal);
  if (!isCurrent()) return;
  now.alerts = { count: data.items.length, more: data.next !== null };
  alerts.show(data.items, data.next !== null, names, Boolean(now.store));
  shown("alerts-body");
  $("alerts-json").href = url;
  if (now.place) figures.show(now.place, now.orders, now.alerts, now.placeSource);
}

/** How many messages this worker has not applied yet, from the sum of a metric's samples. */
async function loadLag(isCurrent) {
  const metrics = await readText("/metrics");
  if (!isCurrent()) return;
  const samples = [...metrics.matchAll(/^freshmart_lag_records(?:\{[^}]*\})? ([\d.e+]+)$/gm)];
  now.lag = samples.reduce((sum, [, value]) => sum + Number(value), 0);
  showPulse();
}

function showPulse() {
  const name = now.lost ? "lost" : now.stale ? "stale" : now.place ? "live" : "waiting";
  $("pulse").dataset.state = name;
  text($("pulse-text"), name === "live" ? (now.lag > 0 ? t("live.lag", { lag: number(now.lag) }) : t("live")) : t(`live.${name}`));
}

function askForToken(refused) {
  for (const poll of Object.values(polls)) poll.stop();
  setToken(null);
  $("dashboard").hidden = true;
  $("access").hidden = false;
  $("sign-out").hidden = true;
  $("notice").hidden = !refused;
  if (refused) text($("notice"), t("access.refused"));
  now.place = null;
  now.lost = false;
  $("pulse").dataset.state = "";
  for (const part of ["pulse-text", "clock-time", "clock-day"]) text($(part), "");
  $("token").focus();
}

function enter() {
  $("access").hidden = true;
  $("notice").hidden = true;
  $("dashboard").hidden = false;
  $("sign-out").hidden = !hasToken();
  go();
}

/** Turn to what the address says. */
function go() {
  takeTokenFromAddress();
  const match = /^#store=([^&]+)/.exec(location.hash);
  now.store = match ? decodeURIComponent(match[1]) : null;
  Object.assign(now, { place: null, orders: undefined, alerts: undefined });
  $("stores").hidden = Boolean(now.store);
  $("stock").hidden = $("service").hidden = !now.store;
  $("place-back").hidden = !now.store;
  document.title = "FreshMart Streams";
  text($("place-title"), now.store ? names.get(now.store) ?? now.store : t("place.all"));
  text($("place-text"), "");
  for (const body of ["stores-body", "hours-chart", "service-body", "reorders-body", "alerts-body"]) {
    $(body).classList.remove("shown");
    state($(body), "loading", t("loading"));
  }
  figures.show(undefined, undefined, undefined, "/v1/stores");
  reorders.reset();
  stock.open(now.store);
  showPulse();
  for (const [name, poll] of Object.entries(polls)) {
    if (name === "stock" && !now.store) poll.stop();
    else poll.start();
  }
}

async function setLanguage(language) {
  await use(language);
  for (const button of document.querySelectorAll("[data-language]")) button.setAttribute("aria-pressed", String(button.dataset.language === language));
  stock.words();
}

function setUpTools() {
  for (const button of document.querySelectorAll("[data-language]")) {
    button.addEventListener("click", async () => {
      if (button.dataset.language === current()) return;
      localStorage.setItem("language", button.dataset.language);
      await setLanguage(button.dataset.language);
      if (!$("dashboard").hidden) go();
    });
  }
  $("theme").addEventListener("click", () => {
    const dark = matchMedia("(prefers-color-scheme: dark)").matches;
    const theme = (document.documentElement.dataset.theme ?? (dark ? "dark" : "light")) === "dark" ? "light" : "dark";
    document.documentElement.dataset.theme = theme;
    localStorage.setItem("theme", theme);
  });
  $("sign-out").addEventListener("click", () => askForToken(false));
  $("access-form").addEventListener("submit", (event) => {
    event.preventDefault();
    setToken($("token").value.trim());
    $("token").value = "";
    enter();
  });
  // The address says which store is shown, so skipping to the content must leave it alone.
  document.querySelector(".skip").addEventListener("click", (event) => {
    event.preventDefault();
    $("main").focus();
  });
  window.addEventListener("hashchange", () => {
    go();
    window.scrollTo(0, 0);
  });
}

takeTokenFromAddress();
await setLanguage(preferred());
setUpTools();
hours.setUp();
stock.setUp(() => polls.stock.restart());
dialog.setUp();
enter();
