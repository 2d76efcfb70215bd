// The brand before it is saved: steps of the colour and its contrast come from the server.
(() => {
  "use strict";
  const form = document.getElementById("brand");
  if (!form) return;
  const text = form.querySelector("[data-colour]");
  const picker = form.querySelector("[data-picker]");
  const preview = form.querySelector("[data-preview]");
  const note = form.querySelector("[data-contrast]");
  const name = form.elements.name;
  let timer = 0;

  const show = async () => {
    const colour = /^#[0-9a-f]{6}$/i.test(text.value) ? text.value : form.dataset.inherited;
    picker.value = colour;
    const answer = await fetch(`${form.dataset.url}?colour=${encodeURIComponent(colour)}`);
    if (!answer.ok) return;
    const facts = await answer.json();
    for (const [step, value] of Object.entries(facts.steps)) preview.style.setProperty(`--color-primary-${step}`, value);
    note.textContent = (facts.is_readable ? note.dataset.good : note.dataset.poor).replace("%(n)s", facts.ratio);
    note.classList.toggle("is-poor", !facts.is_readable);
  };

  text.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(show, 200);
  });
  picker.addEventListener("input", () => {
    text.value = picker.value;
    clearTimeout(timer);
    timer = setTimeout(show, 120);
  });
  name.addEventListener("input", () => {
    preview.querySelectorAll("[data-name]").forEach((element) => (element.textContent = name.value));
  });
})();
