// Progress of long work: asked every second, shown as done, of how much, how fast, what is left.
(() => {
  "use strict";
  const box = document.getElementById("job");
  if (!box || box.dataset.over === "1") return;
  const words = box.dataset;
  const bar = box.querySelector("[data-bar]");
  const figures = box.querySelector("[data-figures]");
  const number = new Intl.NumberFormat(document.documentElement.lang);

  const fill = (text, values) => text.replace(/%\((\w+)\)s/g, (_, name) => values[name]);
  const left = (seconds) => (seconds < 90 ? `${seconds} ${words.wordsS}` : `${Math.round(seconds / 60)} ${words.wordsMin}`);

  const show = (state) => {
    const parts = [
      state.total
        ? fill(words.wordsOf, { done: number.format(state.done), total: number.format(state.total) })
        : fill(words.wordsRows, { done: number.format(state.done) }),
    ];
    if (state.rate) parts.push(fill(words.wordsRate, { rate: number.format(state.rate) }));
    if (state.seconds_left) parts.push(fill(words.wordsLeft, { left: left(state.seconds_left) }));
    figures.textContent = parts.join(" · ");
    box.querySelector("[data-state]").textContent = state.state_label;
    if (state.share !== null) {
      bar.firstElementChild.style.width = `${state.share}%`;
      bar.setAttribute("aria-valuenow", state.share);
    } else {
      bar.classList.add("is-endless");
    }
  };

  const ask = async () => {
    try {
      const answer = await fetch(words.url, { headers: { Accept: "application/json" } });
      if (answer.ok) {
        const state = await answer.json();
        show(state);
        if (state.is_over) {
          location.reload();
          return;
        }
      }
    } catch {
      // The next round tries again.
    }
    setTimeout(ask, 1000);
  };
  ask();
})();
