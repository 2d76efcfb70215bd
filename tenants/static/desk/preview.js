// A talk with the bot. The whole talk is sent each time: the server keeps nothing of it.
(() => {
  "use strict";
  const root = document.getElementById("preview");
  if (!root) return;
  const $ = (name) => root.querySelector(`[data-${name}]`);
  const words = JSON.parse(document.getElementById("preview-words").textContent);
  const csrf = root.querySelector("[name=csrfmiddlewaretoken]").value;
  const log = $("log");
  const say = $("say");
  const greeting = log.innerHTML;
  let talk = [];
  let busy = false;

  const bubble = (role, text) => {
    const element = document.createElement("div");
    element.className = `desk-bubble ${role === "buyer" ? "is-buyer" : "is-bot"}`;
    element.textContent = text;
    log.append(element);
    log.scrollTop = log.scrollHeight;
    return element;
  };

  const fact = (title, content) => {
    const name = document.createElement("dt");
    name.textContent = title;
    const value = document.createElement("dd");
    if (content instanceof Node) value.append(content);
    else value.textContent = content;
    $("facts").append(name, value);
  };

  const list = (items) => {
    const element = document.createElement("ul");
    for (const item of items) {
      const row = document.createElement("li");
      row.append(...item);
      element.append(row);
    }
    return element;
  };

  const soft = (text) => {
    const element = document.createElement("span");
    element.className = "desk-soft desk-small";
    element.textContent = text;
    return element;
  };

  const link = (source) => {
    const element = document.createElement(source.url ? "a" : "span");
    if (source.url) element.href = source.url;
    element.textContent = source.title || source.external_id;
    return element;
  };

  const explain = (answer) => {
    $("why-empty").hidden = true;
    const facts = $("facts");
    facts.hidden = false;
    facts.replaceChildren();
    const tag = document.createElement("span");
    const kind = { answer: "is-done", clarify: "is-bot", refuse: "is-waiting", handover: "is-waiting" }[answer.decision] || "";
    tag.className = `desk-tag ${kind}`;
    tag.textContent = answer.decision_label;
    fact(words.decision, tag);
    if (answer.reason_label) fact(words.reason, answer.reason_label);
    const seconds = (answer.ms / 1000).toFixed(answer.ms < 10_000 ? 2 : 1);
    fact(words.time, document.documentElement.lang === "ru" ? `${seconds.replace(".", ",")} с` : `${seconds} s`);
    fact(words.provider, answer.provider === "offline" ? words.offline : answer.provider);
    fact(words.sources, answer.sources.length ? list(answer.sources.map((s) => [link(s), " ", soft(s.kind_label)])) : words.none);
    fact(words.claims, answer.claims.length ? list(answer.claims.map((c) => [`${c.text} `, soft(`${c.kind} · ${c.source}`)])) : words.unbound);
    if (answer.checks?.length) {
      fact(words.checks, list(answer.checks.map((c) => [c.ok ? "✓ " : "✕ ", c.name, " ", soft(c.detail || "")])));
    }
  };

  const ask = async (text) => {
    if (busy || !text.trim()) return;
    busy = true;
    talk.push({ role: "buyer", text });
    bubble("buyer", text);
    const waiting = bubble("bot", words.thinking);
    waiting.classList.add("is-thinking");
    try {
      const proof = $("proof").value;
      const answer = await fetch(root.dataset.url, {
        method: "POST",
        headers: { "Content-Type": "application/json", "X-CSRFToken": csrf },
        body: JSON.stringify({
          bot: Number(root.dataset.bot),
          draft: $("draft").checked,
          messages: talk,
          contact: proof ? { value: $("value").value, proof } : {},
        }),
      });
      if (!answer.ok) throw new Error(String(answer.status));
      const body = await answer.json();
      waiting.classList.remove("is-thinking");
      waiting.textContent = body.text || words.nothing;
      if (body.buttons?.length) {
        const row = document.createElement("div");
        row.className = "desk-row desk-chips";
        const links = new Map((body.links ?? []).map((link) => [link.title, link.url]));
        for (const title of body.buttons) {
          if (links.has(title)) {
            const link = document.createElement("a");
            link.className = "desk-button desk-chip";
            link.href = links.get(title);
            link.target = "_blank";
            link.rel = "noopener noreferrer";
            link.textContent = `${title} ↗`;
            row.append(link);
            continue;
          }
          const button = document.createElement("button");
          button.type = "button";
          button.className = "desk-button desk-chip";
          button.dataset.ask = title;
          button.textContent = title;
          row.append(button);
        }
        waiting.append(row);
      }
      if (body.text) talk.push({ role: "bot", text: body.text });
      explain(body);
    } catch {
      waiting.remove();
      talk.pop();
      log.lastElementChild?.remove();
      say.value = text;
      const note = bubble("bot", words.failed);
      note.classList.add("is-failed");
    } finally {
      busy = false;
      log.scrollTop = log.scrollHeight;
    }
  };

  $("form").addEventListener("submit", (event) => {
    event.preventDefault();
    const text = say.value;
    say.value = "";
    ask(text);
  });
  say.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      $("form").requestSubmit();
    }
  });
  root.addEventListener("click", (event) => {
    const chip = event.target.closest("[data-ask]");
    if (chip) ask(chip.dataset.ask);
  });
  $("restart").addEventListener("click", () => {
    talk = [];
    log.innerHTML = greeting;
    $("facts").hidden = true;
    $("why-empty").hidden = false;
    say.focus();
  });
  $("proof").addEventListener("change", () => {
    root.querySelector("[data-value-field]").hidden = !$("proof").value;
  });
  root.querySelector("[data-bot-choice]")?.addEventListener("change", (event) => {
    location.search = `?bot=${event.target.value}`;
  });
})();
