// The little of a framework that this page needs. Text is only ever set as text.

const SVG = "http://www.w3.org/2000/svg";

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

export const h = (tag, attributes = {}, ...children) => fill(document.createElement(tag), attributes, children);
export const s = (tag, attributes = {}, ...children) => fill(document.createElementNS(SVG, tag), attributes, children);
export const $ = (id) => document.getElementById(id);

/** Set a text only where it changed, so that selections and screen readers are left alone. */
export function text(node, value) {
  if (node.textContent !== value) node.textContent = value;
}

/**
 * Make the children of `parent` show `items`, keeping the elements whose key stays. `draw(item)` gives an element; an
 * item whose JSON is as before keeps the element as it is.
 */
export function keyed(parent, items, keyOf, draw, isNews = () => false) {
  const before = parent.keyed ?? new Map();
  const after = new Map();
  let place = parent.firstElementChild;
  for (const item of items) {
    const key = keyOf(item);
    const print = JSON.stringify(item);
    let entry = before.get(key);
    if (!entry || entry.print !== print) {
      const element = draw(item);
      if (isNews(item, entry === undefined)) element.classList.add("news");
      if (entry) {
        const focused = entry.element.contains(document.activeElement);
        if (place === entry.element) place = element;
        entry.element.replaceWith(element);
        if (focused) element.querySelector("a, button, [tabindex]")?.focus();
      }
      entry = { print, element };
    }
    after.set(key, entry);
    if (entry.element === place) place = place.nextElementSibling;
    else parent.insertBefore(entry.element, place);
  }
  for (const [key, entry] of before) if (!after.has(key)) entry.element.remove();
  parent.keyed = after;
}

/** Show one of a panel's states (loading, empty, an error) instead of its content. */
export function state(body, kind, message, hint) {
  const print = [kind, message, hint].join("\n");
  if (body.print === print) return;
  body.print = print;
  const lines = kind === "loading" ? [h("span", { class: "bone" }), h("span", { class: "bone" }), h("span", { class: "bone short" })] : [];
  body.replaceChildren(
    h("div", { class: `state ${kind}`, role: kind === "error" ? "alert" : "status" },
      ...lines,
      h("p", { class: kind === "loading" ? "visually-hidden" : "state-title" }, message),
      hint ? h("p", { class: "state-hint" }, hint) : null));
}

/** The panel's content, made by `make` when something else was shown there. */
export function content(body, name, make) {
  if (body.print !== name) {
    body.print = name;
    body.replaceChildren(make());
  }
  return body.firstElementChild;
}
