// What a page can't do alone: follow Airflow's colours, leave its frame, count down, and stay up to date.
"use strict";

const framed = window.parent !== window;

function followTheme() {
  let chosen = null;
  try { chosen = localStorage.getItem("theme"); } catch { /* storage is barred: the system's scheme stands */ }
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
  else delete document.documentElement.dataset.theme;
}

// Airflow's frame may not be left by a link of ours, but Airflow's own document may follow one.
function leaveFrame(event) {
  const link = event.target.closest("a[data-top]");
  if (!link || !framed || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  const outer = window.parent.document.createElement("a");
  outer.href = link.href;
  outer.click();
}

function inWords(seconds) {
  if (seconds < 90) return `${seconds} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

function countDown() {
  for (const place of document.querySelectorAll("[data-until]")) {
    const left = Math.round((Date.parse(place.dataset.until) - Date.now()) / 1000);
    place.textContent = left > 0 ? `${inWords(left)} left` : "its time is over";
  }
}

// Nothing is taken away from somebody who is writing a reason, or whose focus is in the page.
function busy(main) {
  const active = document.activeElement;
  return document.hidden || main.querySelector("details.command[open]") || (active !== main && main.contains(active));
}

async function refresh() {
  const main = document.getElementById("main");
  const seconds = Number(main.dataset.refresh || 0);
  if (!seconds) return;
  if (!busy(main)) {
    const answer = await fetch(location.href.replace(/[?&]done=[^&#]*/, ""), { headers: { Accept: "text/html" } });
    if (answer.ok && !busy(main)) {
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("main");
      for (const open of main.querySelectorAll("details[open][id]")) fresh.querySelector(`#${CSS.escape(open.id)}`)?.setAttribute("open", "");
      main.replaceWith(fresh);
      prepare();
    }
  }
  setTimeout(() => refresh().catch(later), seconds * 1000);
}

function later() { setTimeout(() => refresh().catch(later), 15000); }

// With the reader's own rights, by Airflow's own API; without this script the link beside it leads there.
async function clearTasks(button) {
  const said = button.parentElement.querySelector(".said");
  button.disabled = true;
  const body = { dry_run: false, dag_run_id: button.dataset.run, task_ids: [button.dataset.tasks], only_failed: false, include_downstream: true };
  const answer = await fetch(button.dataset.clear, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
  said.textContent = answer.ok ? "Cleared: the roll-back begins when Airflow schedules it." : `Airflow refused (${answer.status}). Clear it there.`;
  button.disabled = answer.ok;
}

function prepare() {
  countDown();
  for (const button of document.querySelectorAll("[data-clear]")) {
    button.hidden = false;
    button.addEventListener("click", () => clearTasks(button));
  }
}

followTheme();
window.addEventListener("storage", followTheme);
document.addEventListener("click", leaveFrame);
document.addEventListener("DOMContentLoaded", () => {
  prepare();
  setInterval(countDown, 1000);
  const main = document.getElementById("main");
  setTimeout(() => refresh().catch(later), Number(main.dataset.refresh || 0) * 1000);
});
