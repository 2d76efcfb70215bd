// The address follows the shop's name until somebody changes it; a slow start shows its steps.
(() => {
  "use strict";
  const form = document.getElementById("signup");
  if (!form) return;
  const { shop, slug } = form.elements;
  const note = form.querySelector("[data-slug-note]");
  const help = note.textContent;
  let own = Boolean(slug.value);
  let timer = 0;

  const ask = async () => {
    const query = own ? `slug=${encodeURIComponent(slug.value)}` : `shop=${encodeURIComponent(shop.value)}`;
    const answer = await fetch(`${form.dataset.url}?${query}`);
    if (!answer.ok) return;
    const found = await answer.json();
    if (!own) slug.value = found.slug;
    note.textContent = found.fault || help;
    note.classList.toggle("is-poor", Boolean(found.fault));
  };
  const later = () => {
    clearTimeout(timer);
    timer = setTimeout(ask, 300);
  };
  shop.addEventListener("input", () => own || later());
  slug.addEventListener("input", () => {
    own = Boolean(slug.value);
    later();
  });

  form.addEventListener("submit", () => {
    const making = form.querySelector("[data-making]");
    const bar = making.querySelector("i");
    const text = making.querySelector("[data-making-text]");
    const steps = text.dataset.steps.split("|");
    form.querySelector("[type=submit]").disabled = true;
    const began = Date.now();
    const show = () => {
      const share = 1 - Math.exp(-(Date.now() - began) / 4000);
      bar.style.width = `${Math.round(4 + 92 * share)}%`;
      text.textContent = steps[Math.min(steps.length - 1, Math.floor(share * steps.length))];
    };
    setTimeout(() => {
      making.hidden = false;
      show();
      setInterval(show, 200);
    }, 400);
  });
})();
