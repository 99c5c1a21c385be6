// The print button: hidden until this script runs, since without it the browser's own menu prints.
for (const button of document.querySelectorAll("[data-print]")) {
  button.addEventListener("click", () => window.print());
  button.hidden = false;
}
