/* Runs before the first paint, as a plain script, so that a chosen theme never flashes the other one. */
(() => {
  const KEY = "weir-theme";
  const root = document.documentElement;
  const stored = (() => { try { return localStorage.getItem(KEY); } catch { return null; } })();
  if (stored === "light" || stored === "dark") root.dataset.theme = stored;

  addEventListener("DOMContentLoaded", () => {
    const button = document.getElementById("theme");
    const dark = () => root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    const describe = () => button.setAttribute("aria-label", dark() ? "Switch to the light theme" : "Switch to the dark theme");
    describe();
    button.addEventListener("click", () => {
      root.dataset.theme = dark() ? "light" : "dark";
      try { localStorage.setItem(KEY, root.dataset.theme); } catch { /* a private window forgets, and still switches */ }
      describe();
      dispatchEvent(new Event("weir-theme"));
    });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { describe(); dispatchEvent(new Event("weir-theme")); });
  });
})();
