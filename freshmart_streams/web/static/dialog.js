// The JSON that a panel shows, read with the token that the page has.

import { readText } from "./api.js";
import { $, text } from "./dom.js";
import { t } from "./i18n.js";

const pretty = (body) => {
  try {
    return JSON.stringify(JSON.parse(body), null, 2);
  } catch {
    return body; // Prometheus text
  }
};

async function open(url) {
  text($("json-title"), `GET ${url}`);
  text($("json-text"), t("loading"));
  text($("json-copy"), t("json.copy"));
  $("json-dialog").showModal();
  try {
    text($("json-text"), pretty(await readText(url)));
  } catch (error) {
    if (error.status === undefined) throw error;
    text($("json-text"), error.problem ? JSON.stringify(error.problem, null, 2) : t("error.0"));
  }
}

export function setUp() {
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a.json");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    open(link.getAttribute("href"));
  });
  $("json-close").addEventListener("click", () => $("json-dialog").close());
  $("json-copy").addEventListener("click", async () => {
    await navigator.clipboard.writeText($("json-text").textContent);
    text($("json-copy"), t("json.copied"));
  });
}
