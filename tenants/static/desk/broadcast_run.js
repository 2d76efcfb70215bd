// A broadcast under way: asked every two seconds, its bar and figures follow.
(() => {
  "use strict";
  const box = document.getElementById("run");
  if (!box || box.dataset.over === "1") return;
  const words = box.dataset;
  const bar = box.querySelector("[data-bar]");
  const detail = box.querySelector("[data-detail]");
  const number = new Intl.NumberFormat(document.documentElement.lang);
  const fill = (text, values) => text.replace(/%\((\w+)\)s/g, (_, name) => values[name]);

  const show = (state) => {
    const parts = [fill(words.wordsOf, { done: number.format(state.done), total: number.format(state.total) })];
    if (state.rate) parts.push(fill(words.wordsRate, { rate: number.format(state.rate) }));
    if (state.left) parts.push(fill(words.wordsLeft, { left: state.left }));
    box.querySelector("[data-figures]").textContent = parts.join(" · ");
    box.querySelector("[data-label]").textContent = state.state_label;
    bar.firstElementChild.style.width = `${state.share}%`;
    bar.setAttribute("aria-valuenow", state.share);
    for (const one of state.results) box.querySelector(`[data-n="${one.key}"]`).textContent = number.format(one.n);
    detail.hidden = !state.detail;
    detail.lastElementChild.textContent = state.detail;
  };

  const ask = async () => {
    try {
      const answer = await fetch(words.url, { headers: { Accept: "application/json" } });
      if (answer.ok) {
        const state = await answer.json();
        show(state);
        if (state.state !== words.state) {
          location.reload();
          return;
        }
      }
    } catch {
      // The next round tries again.
    }
    setTimeout(ask, 2000);
  };
  ask();
})();
