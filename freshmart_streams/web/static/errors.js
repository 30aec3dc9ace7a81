// What went wrong, in words, and what to do about it.

import { state } from "./dom.js";
import { has, t } from "./i18n.js";

const keyOf = (refusal) => (has(`error.${refusal.status}`) ? `error.${refusal.status}` : "error.other");

/** Show a refusal in a panel. Other errors are ours and are thrown on. */
export function show(body, error) {
  if (error.status === undefined) throw error;
  state(body, "error", t(keyOf(error)), t(`${keyOf(error)}.hint`));
}
