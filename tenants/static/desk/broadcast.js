// A broadcast while it is written: only what its kind asks for, and the text as each channel shows it.
(() => {
  "use strict";
  const form = document.getElementById("broadcast");
  if (!form) return;
  const shown = document.querySelector("[data-shown]");
  let last = form.elements.text_ru;
  let timer = 0;

  const arrange = () => {
    const kind = form.elements.kind.value;
    for (const part of form.querySelectorAll("[data-who]")) part.hidden = part.dataset.who !== form.elements.who.value;
    for (const part of form.querySelectorAll("[data-kind]")) part.hidden = part.dataset.kind !== kind;
    form.querySelector("[data-own]").hidden = form.elements.template.value !== "";
  };

  const line = (name, text) => {
    const found = document.createElement("div");
    found.className = name;
    found.textContent = text;
    return found;
  };

  const render = (all) => {
    shown.replaceChildren();
    for (const one of all) {
      shown.append(line("desk-soft desk-small", `${one.channel}, ${one.lang.toUpperCase()} · ${one.size}`));
      for (const fault of one.faults) shown.append(line("desk-error", fault));
      const chat = document.createElement("div");
      chat.className = "desk-chat";
      if (one.text) {
        const bubble = line("desk-bubble is-bot", one.text);
        bubble.lang = one.lang;
        bubble.style.whiteSpace = "pre-wrap";
        chat.append(bubble);
      }
      const row = line("desk-row desk-chips", "");
      for (const title of one.buttons) row.append(line("desk-chip desk-tag", title));
      chat.append(row);
      shown.append(chat);
    }
  };

  const ask = async () => {
    try {
      const answer = await fetch(form.dataset.preview, { method: "POST", body: new FormData(form) });
      if (answer.ok) render((await answer.json()).shown);
    } catch {
      // The next key stroke asks again.
    }
  };

  const change = () => {
    arrange();
    clearTimeout(timer);
    timer = setTimeout(ask, 300);
  };

  for (const name of ["text_ru", "text_en"]) form.elements[name].addEventListener("focus", (event) => (last = event.target));
  form.addEventListener("input", change);
  form.addEventListener("change", change);
  form.addEventListener("click", (event) => {
    const chip = event.target.closest("[data-variable]");
    if (!chip) return;
    last.setRangeText(`{{${chip.dataset.variable}}}`, last.selectionStart, last.selectionEnd, "end");
    last.focus();
    last.dispatchEvent(new Event("input", { bubbles: true }));
  });
  arrange();
  ask();
})();
