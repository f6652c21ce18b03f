// Fills in the values that only a running server has. Every page is complete without it.

import { headersOf, stillCurrent } from "./modules/ask.mjs";

const here = location.pathname;
const TIMES = 15;

function value(text) {
  const dd = document.createElement("dd");
  dd.className = "value";
  dd.textContent = text;
  return dd;
}

function showHeaders(list, headers) {
  for (const row of [...list.children]) {
    const text = headers.get(row.dataset.header);
    if (text === null) row.remove();
    else row.querySelector("dt").after(value(text));
  }
  document.querySelector("#live-note").textContent =
    "The page has just sent a HEAD request for itself. This is the response.";
}

function meaning(status) {
  if (status === 304) return "Not Modified: a head without a body";
  if (status === 200) return "OK: the whole page";
  return "an unexpected status";
}

function offerTiming(box, headers) {
  if (!headers.has("etag") && !headers.has("last-modified")) return;
  const line = box.querySelector("p");
  const button = box.querySelector("button");
  const ask = async () => {
    if (button.getAttribute("aria-disabled") === "true") return;
    button.setAttribute("aria-disabled", "true");
    try {
      const { status, condition, median } = await stillCurrent(here, headers, TIMES);
      line.textContent =
        `${TIMES} requests with ${condition}. ` +
        `Response: ${status}, ${meaning(status)}. Half of them took ${median.toFixed(1)} ms or less.`;
    } catch {
      line.textContent = "The server did not answer. Is it still running?";
    }
    button.removeAttribute("aria-disabled");
  };
  button.addEventListener("click", ask);
  box.hidden = false;
  ask();
}

async function showTypes(table) {
  const rows = [...table.tBodies[0].rows];
  const answers = await Promise.all(rows.map((row) => headersOf(row.querySelector("a").href)));
  if (answers.includes(null)) return;
  const head = document.createElement("th");
  head.scope = "col";
  head.textContent = "Content-Type";
  table.tHead.rows[0].append(head);
  rows.forEach((row, i) => {
    const code = document.createElement("code");
    code.textContent = answers[i].get("content-type") ?? "none";
    row.insertCell().append(code);
  });
}

const list = document.querySelector("#headers");
if (list) {
  const headers = await headersOf(here);
  if (headers) {
    showHeaders(list, headers);
    offerTiming(document.querySelector("#timing"), headers);
  }
}

const table = document.querySelector("#types");
if (table) await showTypes(table);
