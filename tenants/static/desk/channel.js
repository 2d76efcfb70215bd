// The test message, awaited on the page: asks every two seconds while the page is looked at.
(() => {
  "use strict";
  const box = document.getElementById("awaited");
  if (!box) return;
  const line = box.querySelector("[data-line]");
  const chat = box.querySelector("[data-chat]");
  const words = box.dataset;
  const opened = Date.now();

  const say = (className, text, more) => {
    const bubble = document.createElement("div");
    bubble.className = `desk-bubble ${className}`;
    bubble.textContent = text;
    if (more) {
      const small = document.createElement("div");
      small.className = "desk-small desk-soft";
      small.textContent = more;
      bubble.append(small);
    }
    chat.append(bubble);
  };

  const show = (status) => {
    if (!status.message) {
      if (Date.now() - opened > 45_000) line.textContent = words.wordsSlow;
      return false;
    }
    box.classList.add("has-message");
    chat.hidden = false;
    chat.replaceChildren();
    say("is-buyer", status.message.text || "…", words.wordsCame.replace("%(name)s", status.message.name));
    if (!status.reply) {
      line.textContent = words.wordsThinking;
      return false;
    }
    const sources = status.reply.sources.filter(Boolean);
    say("is-bot", status.reply.text, sources.length ? `${words.wordsSources} ${sources.join(", ")}` : "");
    const seconds = document.documentElement.lang === "ru" ? String(status.reply.seconds).replace(".", ",") : status.reply.seconds;
    line.textContent = status.reply.failure || words.wordsAnswered.replace("%(seconds)s", seconds);
    box.classList.toggle("is-done", !status.reply.failure);
    return !status.reply.failure;
  };

  const ask = async () => {
    if (document.visibilityState === "visible") {
      try {
        const answer = await fetch(`${words.url}?since=${encodeURIComponent(words.since)}`, { headers: { Accept: "application/json" } });
        if (answer.ok && show(await answer.json())) return;
      } catch {
        // The next round tries again.
      }
    }
    setTimeout(ask, 2000);
  };
  ask();
})();
