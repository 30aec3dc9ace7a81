// Words, numbers, money and times in German or English. Times are shown as the store's clock shows them, never the browser's.

let messages = {};
let language = "en";
let formats = {};

export const current = () => language;

/** The language chosen here last, else `?lang=`, else what the server chose from Accept-Language. */
export function preferred() {
  const wanted = new URLSearchParams(location.search).get("lang") ?? localStorage.getItem("language");
  return wanted === "de" || wanted === "en" ? wanted : document.documentElement.lang === "de" ? "de" : "en";
}

export async function use(wanted) {
  messages = await (await fetch(`/static/messages.${wanted}.json`)).json();
  language = wanted;
  document.documentElement.lang = wanted;
  const locale = wanted === "de" ? "de-DE" : "en-GB";
  const utc = (options) => new Intl.DateTimeFormat(locale, { timeZone: "UTC", ...options });
  formats = {
    euro: new Intl.NumberFormat(locale, { style: "currency", currency: "EUR" }),
    euros: new Intl.NumberFormat(locale, { style: "currency", currency: "EUR", maximumFractionDigits: 0 }),
    whole: new Intl.NumberFormat(locale, { maximumFractionDigits: 0 }),
    tenth: new Intl.NumberFormat(locale, { maximumFractionDigits: 1 }),
    percent: new Intl.NumberFormat(locale, { style: "percent", maximumFractionDigits: 1 }),
    time: utc({ hour: "2-digit", minute: "2-digit", hourCycle: "h23" }),
    day: utc({ weekday: "long", day: "numeric", month: "long", year: "numeric" }),
    dayName: utc({ weekday: "short" }),
    weekday: utc({ weekday: "short", day: "numeric", month: "numeric" }),
    plural: new Intl.PluralRules(locale),
  };
  for (const node of document.querySelectorAll("[data-t]")) node.textContent = t(node.dataset.t);
  for (const node of document.querySelectorAll("[data-t-label]")) node.setAttribute("aria-label", t(node.dataset.tLabel));
  for (const node of document.querySelectorAll("[data-t-placeholder]")) node.placeholder = t(node.dataset.tPlaceholder);
}

/** A message with its parameters; `count` chooses between `key.one` and `key.other`. */
export function t(key, parameters = {}) {
  const counted = parameters.count === undefined ? key : `${key}.${formats.plural.select(parameters.count)}`;
  const text = messages[counted] ?? messages[key] ?? key;
  return text.replace(/\{(\w+)\}/g, (_, name) => parameters[name] ?? "");
}

export const has = (key) => key in messages;

export const euro = (cents) => formats.euro.format(cents / 100);
export const euros = (cents) => formats.euros.format(cents / 100);
export const number = (value) => formats.whole.format(value);
export const percent = (share) => formats.percent.format(share);
export const tenth = (value) => formats.tenth.format(value);

/** A quantity in base units as people say it: 24, or 1.2 kg. */
export const quantity = (value, unit) => (unit === "gram" ? `${formats.tenth.format(value / 1000)} kg` : formats.whole.format(value));

// "2024-10-08T09:13:05+02:00" → the wall clock's figures, taken as if they were UTC.
const wall = (moment) => new Date(`${moment.slice(0, 19)}Z`);
export const time = (moment) => formats.time.format(wall(moment));
export const day = (date) => formats.day.format(new Date(`${date.slice(0, 10)}T00:00:00Z`));
export const weekday = (date) => formats.weekday.format(new Date(`${date.slice(0, 10)}T00:00:00Z`));

/** A time as it is said at another one: "14:00", or "Tue 14:00" when that is another day. */
export const timeSeenFrom = (moment, from) =>
  moment.slice(0, 10) === from.slice(0, 10) ? time(moment) : `${formats.dayName.format(wall(moment))} ${time(moment)}`;

export const hourOf = (moment) => Number(moment.slice(11, 13));
