// Before the first paint: light or dark as chosen in the admin, else as the system is.
(() => {
  "use strict";
  const key = "adminTheme"; // the same the admin keeps, as JSON
  const chosen = () => {
    try {
      return JSON.parse(localStorage.getItem(key));
    } catch {
      return null;
    }
  };
  const system = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => chosen() === "dark" || (chosen() !== "light" && system.matches);
  const show = () => document.documentElement.classList.toggle("dark", isDark());
  show();
  system.addEventListener("change", show);
  document.addEventListener("click", (event) => {
    if (!event.target.closest("[data-theme-toggle]")) return;
    localStorage.setItem(key, JSON.stringify(isDark() ? "light" : "dark"));
    show();
  });
})();
