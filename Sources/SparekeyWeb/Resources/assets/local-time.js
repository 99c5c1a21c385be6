// Exact moments stand on the page in UTC. This adds the reader's own time, where it is another.
const format = new Intl.DateTimeFormat(document.documentElement.lang, {
  day: "numeric", month: "long", year: "numeric", hour: "numeric", minute: "2-digit", timeZoneName: "short",
});

for (const time of document.querySelectorAll("time[data-local]")) {
  const moment = new Date(time.dateTime);
  if (moment.getTimezoneOffset() === 0) continue;
  const local = document.createElement("span");
  local.className = "local";
  local.textContent = time.dataset.local.replace("{time}", format.format(moment));
  time.after(" ", local);
}
