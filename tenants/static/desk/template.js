// A template while it is written: variables by a click, and the text as a buyer will read it.
(() => {
  "use strict";
  const form = document.getElementById("template");
  if (!form) return;
  const shown = form.querySelector("[data-shown]");
  const fields = { ru: form.elements.text_ru, en: form.elements.text_en };
  let last = fields.ru;
  let timer = 0;

  const render = (answer) => {
    shown.replaceChildren();
    for (const [lang, result] of Object.entries(answer)) {
      const bubble = document.createElement("div");
      bubble.className = "desk-bubble is-bot";
      bubble.lang = lang;
      if (result.text) {
        bubble.textContent = result.text;
        shown.append(bubble);
      }
      for (const fault of result.faults || []) {
        const error = document.createElement("div");
        error.className = "desk-error";
        error.textContent = `${lang.toUpperCase()}: ${fault}`;
        shown.append(error);
      }
    }
  };

  const ask = async () => {
    const body = new FormData();
    body.append("csrfmiddlewaretoken", form.elements.csrfmiddlewaretoken.value);
    for (const [lang, field] of Object.entries(fields)) body.append(lang, field.value);
    try {
      const answer = await fetch(form.dataset.preview, { method: "POST", body });
      if (answer.ok) render(await answer.json());
    } catch {
      // The next key stroke asks again.
    }
  };

  for (const field of Object.values(fields)) {
    field.addEventListener("focus", () => (last = field));
    field.addEventListener("input", () => {
      clearTimeout(timer);
      timer = setTimeout(ask, 300);
    });
  }
  form.addEventListener("click", (event) => {
    const chip = event.target.closest("[data-variable]");
    if (!chip) return;
    const text = `{{${chip.dataset.variable}}}`;
    last.setRangeText(text, last.selectionStart, last.selectionEnd, "end");
    last.focus();
    last.dispatchEvent(new Event("input"));
  });
  ask();
})();
