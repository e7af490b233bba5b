"use strict";
// Asks for the state of the training every two seconds; when it is over, shows the report.
const EVERY = 2000, state = document.getElementById("state"), said = document.getElementById("said");
const pause = document.getElementById("pause"), news = document.getElementById("news");
let paused = false, misses = 0, shown = "";

async function ask() {
  const answer = await fetch("state.json", { cache: "no-store" });
  if (!answer.ok) throw new Error(answer.statusText);
  const now = await answer.json();
  misses = 0;
  state.classList.remove("old");
  if (now.html !== shown) { state.innerHTML = now.html; shown = now.html; }
  const name = state.querySelector("h1");
  if (name) document.title = name.textContent + ", live";
  tell(news, state.querySelector(".progress b")?.textContent ?? "");
  if (now.report) { location.replace("report.html"); return false; }
  if (now.over) { say("The training is over."); return false; }
  say("Updated " + new Date().toLocaleTimeString());
  return true;
}

function say(text) { tell(said, text); }

function tell(place, text) { if (place.textContent !== text) place.textContent = text; }

async function loop() {
  let more = true;
  if (!paused && !document.hidden) {
    try { more = await ask(); }
    catch {
      misses += 1;
      if (misses > 2) {
        state.classList.add("old");
        say("The training does not answer any more: it has ended. Its report is the file report.html in its folder.");
        pause.hidden = true;
        more = false;
      }
    }
  }
  if (more) setTimeout(loop, EVERY);
}

pause.hidden = false;
pause.addEventListener("click", () => {
  paused = !paused;
  pause.setAttribute("aria-pressed", String(paused));
  pause.textContent = paused ? "Continue updates" : "Pause updates";
  if (paused) say("Paused");
});
loop();
