// Reading /v1: the token, ETags, and polling while the page is looked at.

const TOKEN = "token";
const known = new Map(); // URL → {etag, answer}; small, since panels forget what they no longer show

export class Refusal extends Error {
  constructor(status, problem, retryAfter) {
    super(problem?.title ?? `HTTP ${status}`);
    this.status = status; // 0: no answer at all
    this.problem = problem;
    this.retryAfter = retryAfter;
  }
}

/** Take the token out of the address (`#token=…`), so that it is neither seen nor kept in the history. */
export function takeTokenFromAddress() {
  const match = /^#token=([^&]+)/.exec(location.hash);
  if (!match) return;
  setToken(decodeURIComponent(match[1]));
  history.replaceState(null, "", location.pathname + location.search);
}

export const hasToken = () => sessionStorage.getItem(TOKEN) !== null;

export function setToken(token) {
  known.clear();
  if (token) sessionStorage.setItem(TOKEN, token);
  else sessionStorage.removeItem(TOKEN);
}

function headers(language) {
  const sent = { "Accept-Language": language };
  const token = sessionStorage.getItem(TOKEN);
  if (token) sent.Authorization = `Bearer ${token}`;
  return sent;
}

/** Status, headers and text of an answer; what stops on the way, in the middle of a body too, is a refusal. */
async function request(url, sent, signal) {
  let response;
  let body;
  try {
    response = await fetch(url, { headers: sent, signal, cache: "no-store", credentials: "omit", redirect: "error" });
    body = await response.text();
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refusal(0);
  }
  if (response.ok || response.status === 304) return { status: response.status, headers: response.headers, body };
  throw new Refusal(response.status, parsed(body), Number(response.headers.get("Retry-After")) || undefined);
}

function parsed(body) {
  try {
    return JSON.parse(body);
  } catch {
    return undefined; // not from us: a proxy's page
  }
}

/** The JSON at a URL with the store's clock. */
export async function read(url, signal) {
  const before = known.get(url);
  const sent = headers(document.documentElement.lang);
  if (before) sent["If-None-Match"] = before.etag;
  const response = await request(url, sent, signal);
  const clock = response.headers.get("Freshmart-As-Of");
  if (response.status === 304) return { ...before.answer, clock: clock ?? before.answer.clock };
  const answer = { data: JSON.parse(response.body), clock };
  const etag = response.headers.get("ETag");
  if (etag) {
    if (known.size > 50) known.clear();
    known.set(url, { etag, answer });
  }
  return answer;
}

/** The text at a URL, for the dialog and the metrics. */
export async function readText(url) {
  return (await request(url, headers(document.documentElement.lang))).body;
}

/** Calls `load` again and again, `seconds` apart, never twice at a time, and only while the page is visible. */
export class Poll {
  constructor(seconds, load) {
    this.seconds = seconds;
    this.load = load;
    this.running = false;
    this.run = 0; // grows with every restart: what an older run still brings is dropped
    document.addEventListener("visibilitychange", () => this.running && !document.hidden && this.restart());
  }

  start() {
    this.running = true;
    this.restart();
  }

  stop() {
    this.running = false;
    this.run += 1;
    clearTimeout(this.timer);
    this.abort?.abort();
  }

  restart() {
    if (!this.running) return;
    this.run += 1;
    clearTimeout(this.timer);
    this.abort?.abort();
    this.abort = new AbortController();
    this.turn(this.run, this.abort.signal);
  }

  async turn(run, signal) {
    let wait = this.seconds;
    try {
      wait = (await this.load(signal, () => run === this.run)) ?? this.seconds;
    } catch (error) {
      if (error.name === "AbortError") return;
      throw error;
    } finally {
      if (run === this.run && this.running && !document.hidden) {
        this.timer = setTimeout(() => this.turn(run, signal), wait * 1000);
      }
    }
  }
}
