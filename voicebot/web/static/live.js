// What both sides say now, from /api/live. Text only ever goes into textContent.
"use strict";

const place = document.getElementById("live-calls");
const section = document.getElementById("live");
const cards = new Map();

function element(tag, className, text) {
  const made = document.createElement(tag);
  made.className = className;
  if (text) made.textContent = text;
  return made;
}

function clock(seconds) {
  if (seconds === null) return "";
  const tenths = Math.max(0, Math.round(seconds * 10));
  const s = String(Math.floor((tenths % 600) / 10)).padStart(2, "0");
  return `${Math.floor(tenths / 600)}:${s}.${tenths % 10} `;
}

function card(event) {
  if (!cards.has(event.attempt_id)) {
    const made = element("article", "live-call");
    const link = element("a", "", `Call ${event.attempt_id}`);
    link.href = `/attempts/${event.attempt_id}`;
    made.append(link, element("span", "", ""), element("div", "lines"));
    place.append(made);
    cards.set(event.attempt_id, made);
  }
  section.hidden = false;
  return cards.get(event.attempt_id);
}

const TONES = { match: "good", mismatch: "bad", inconclusive: "unsure" };

const SHOW = {
  started(made, event) {
    const who = event.account_id ? `, account ${event.account_id}` : "";
    made.children[1].textContent = ` ${event.text}, ${event.direction}${who}`;
  },
  bot(made, event) {
    made.lastChild.append(element("p", "turn bot", clock(event.t) + event.text));
  },
  caller(made, event) {
    made.lastChild.append(element("p", "turn caller", clock(event.t) + event.text));
  },
  voice(made, event) {
    const line = element("p", "check");
    line.append(element("span", `badge ${TONES[event.state]}`, `voice: ${event.state}`), ` ${event.text}`);
    made.lastChild.append(line);
  },
  ended(made, event) {
    made.lastChild.append(element("p", "check", `ended: ${event.text}`));
    made.classList.add("over");
  },
};

const source = new EventSource("/api/live");
source.onopen = () => {
  cards.clear();
  place.replaceChildren();
  section.hidden = true;
};
source.onmessage = (message) => {
  const event = JSON.parse(message.data);
  const made = card(event);
  SHOW[event.kind](made, event);
  made.lastChild.scrollTop = made.lastChild.scrollHeight;
};
