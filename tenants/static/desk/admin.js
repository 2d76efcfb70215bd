// Small things every page of the desk needs. No module, no build: served as it is.
document.addEventListener("DOMContentLoaded", () => {
  "use strict";

  // Under CSP nothing may be inline, so behaviour hangs on data-* attributes.
  document.addEventListener("click", (event) => {
    const copy = event.target.closest("[data-copy]");
    if (copy) {
      const source = document.querySelector(copy.dataset.copy);
      const text = source ? source.value ?? source.textContent : copy.dataset.copyText;
      navigator.clipboard?.writeText(text.trim());
      if (source && source.select) source.select();
      const before = copy.querySelector("[data-copy-label]");
      if (before) {
        const label = before.textContent;
        before.textContent = copy.dataset.copied;
        setTimeout(() => (before.textContent = label), 1600);
      }
    }
  });

  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-submit-on-change]")) event.target.form.submit();
  });

  // Danger wants the name typed: the button wakes when it is.
  document.addEventListener("input", (event) => {
    const input = event.target.closest("[data-typed-name]");
    if (!input) return;
    const button = input.form.querySelector("[data-danger]");
    button.disabled = input.value.trim() !== input.dataset.typedName;
  });

  // On a phone a row of a table is a card: each cell says what it is (admin.css).
  for (const table of document.querySelectorAll(".desk-table:not(.is-grid)")) {
    const heads = [...(table.tHead?.rows[0]?.cells ?? [])].map((head) => head.textContent.trim());
    if (heads.length < 3) continue;
    table.classList.add("is-cards");
    for (const body of table.tBodies)
      for (const row of body.rows)
        for (const cell of row.cells) cell.dataset.head = heads[cell.cellIndex] ?? "";
  }

  // A field that belongs to one answer of another: data-when="name=value".
  const suit = () =>
    document.querySelectorAll("[data-when]").forEach((field) => {
      const [name, value] = field.dataset.when.split("=");
      field.closest(".desk-field").hidden = field.form.elements[name].value !== value;
    });
  suit();
  document.addEventListener("change", suit);

  // A list of things being worked on looks again by itself.
  const working = document.querySelector("[data-reload-s]");
  if (working) setTimeout(() => location.reload(), Number(working.dataset.reloadS) * 1000);

  // A form sends once; the button tells that it is under way.
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!form.matches("[data-once]")) return;
    if (form.dataset.sent) {
      event.preventDefault();
      return;
    }
    form.dataset.sent = "1";
    const button = form.querySelector("[type=submit]");
    if (button && button.dataset.busy) button.querySelector("[data-label]").textContent = button.dataset.busy;
  });
  window.addEventListener("pageshow", () => {
    document.querySelectorAll("form[data-sent]").forEach((form) => delete form.dataset.sent);
  });
});
