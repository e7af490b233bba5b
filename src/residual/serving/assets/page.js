// The page: an image goes to POST predict, its bars appear, then POST explain says where the network looked.
"use strict";

const find = (id) => document.getElementById(id);
const facts = document.body.dataset;
const FEW = 5; // bars at first
let current = null; // {blob, stop} of the image that is shown
let address = null; // of the image in this browser

function show(element, on = true) { element.hidden = !on; }

function formatPercent(share) {
  const percent = 100 * share;
  if (percent > 99.95 && percent < 100) return "> 99.9%";
  if (percent < 0.05 && percent > 0) return "< 0.1%";
  return `${percent.toFixed(1)}%`;
}

function complain(text) {
  find("problem").textContent = text;
  show(find("problem"), text !== "");
}

async function ask(path, blob, stop) {
  let response;
  try {
    response = await fetch(path, {
      method: "POST",
      headers: { "Content-Type": blob.type.startsWith("image/") ? blob.type : "application/octet-stream" },
      body: blob,
      signal: stop.signal,
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Error("The server does not answer. Is it still running?");
  }
  const answer = await response.json().catch(() => ({ error: `The server answered with ${response.status}.` }));
  if (!response.ok) throw new Error(answer.error);
  return answer;
}

async function look(blob, name) {
  if (current) current.stop.abort();
  const mine = { blob, stop: new AbortController() };
  current = mine;
  complain("");
  show(find("answer"), false);
  show(find("waiting"), false);
  showImage(blob, name);
  if (blob.size > Number(facts.maxBody)) {
    complain(`The image must be at most ${facts.maxBodyText}.`);
    return;
  }
  find("stage").setAttribute("aria-busy", "true");
  try {
    const answer = await ask("predict", blob, mine.stop);
    showAnswer(answer.predictions[0]);
    await explain(mine, null);
  } catch (error) {
    if (error.name !== "AbortError") complain(error.message);
  } finally {
    if (current === mine) find("stage").removeAttribute("aria-busy");
  }
}

function showImage(blob, name) {
  const image = find("image");
  if (address) URL.revokeObjectURL(address);
  address = URL.createObjectURL(blob);
  image.alt = name ? `Your image: ${name}` : "Your image";
  image.classList.remove("small");
  image.onload = () => image.classList.toggle("small", image.naturalWidth < 128);
  image.onerror = () => show(image, false); // a format that this browser does not show: explain brings a copy
  image.src = address;
  show(image);
  show(find("empty"), false);
  show(find("map"), false);
  find("stage").classList.add("full");
  find("stage").style.aspectRatio = `${facts.width} / ${facts.height}`;
}

function showAnswer(prediction) {
  const label = document.createElement("strong");
  label.textContent = prediction.label;
  find("label").replaceChildren(label, ` ${formatPercent(prediction.probability)}`);
  const verdicts = {
    unknown: "This does not look like my training images. The label is probably wrong.",
    unsure: "I am not sure. With such probabilities I am often wrong.",
  };
  find("verdict").textContent = verdicts[prediction.verdict] || "";
  show(find("verdict"), prediction.verdict in verdicts);
  const ranked = Object.entries(prediction.probabilities).sort((a, b) => b[1] - a[1]);
  showBars(ranked.slice(0, FEW));
  const more = find("more");
  more.textContent = `Show all ${ranked.length} labels`;
  more.onclick = () => { showBars(ranked); show(more, false); find("bars").querySelectorAll("button")[FEW].focus(); };
  show(more, ranked.length > FEW);
  show(find("look"), false);
  show(find("answer"));
}

function showBars(ranked) {
  find("bars").replaceChildren(...ranked.map(([label, share]) => {
    const [row, button, bar, name, percent] = ["li", "button", "i", "span", "span"].map((tag) => document.createElement(tag));
    button.type = "button";
    button.dataset.label = label;
    button.setAttribute("aria-pressed", "false");
    button.onclick = () => explain(current, label).catch((error) => {
      if (error.name !== "AbortError") complain(error.message);
    });
    name.textContent = label;
    percent.textContent = formatPercent(share);
    bar.style.width = "0";
    requestAnimationFrame(() => { bar.style.width = `${100 * share}%`; });
    button.append(bar, name, percent);
    row.append(button);
    return row;
  }));
}

async function explain(mine, label) {
  show(find("look"));
  find("caption").textContent = "Looking ...";
  const path = label === null ? "explain" : `explain?label=${encodeURIComponent(label)}`;
  const answer = await ask(path, mine.blob, mine.stop);
  if (current !== mine) return;
  for (const button of find("bars").querySelectorAll("button")) {
    button.setAttribute("aria-pressed", String(button.dataset.label === answer.label));
  }
  if (find("image").hidden) {
    find("image").onerror = null;
    find("image").src = answer.seen;
    show(find("image"));
  }
  const most = Math.max(...answer.drops.flat());
  drawMap(answer.drops, most);
  find("caption").textContent = most < 0.01
    ? `Covering any one part of the image hardly changes the probability of ${answer.label}.`
    : `Covering the most coloured part lowers the probability of ${answer.label} by ${(100 * most).toFixed(0)} points.`;
}

function drawMap(drops, most) {
  const small = document.createElement("canvas");
  [small.height, small.width] = [drops.length, drops[0].length];
  const pen = small.getContext("2d");
  const pixels = pen.createImageData(small.width, small.height);
  drops.flat().forEach((drop, index) => {
    const heat = most < 0.01 ? 0 : Math.max(0, drop / most);
    pixels.data.set([110 + 145 * heat, 20, 200 - 90 * heat, 255 * Math.min(1, 1.2 * heat)], 4 * index);
  });
  pen.putImageData(pixels, 0, 0);
  const map = find("map");
  [map.width, map.height] = [256, Math.round((256 * facts.height) / facts.width)];
  const brush = map.getContext("2d");
  brush.imageSmoothingQuality = "high";
  brush.drawImage(small, 0, 0, map.width, map.height);
  setOpacity();
  show(map);
}

function setOpacity() {
  const slider = find("opacity");
  find("map").style.opacity = slider.value / 100;
  slider.setAttribute("aria-valuetext", `${slider.value}% of the map over the image`);
}

function lookAtFile(file) {
  if (file) look(file, file.name);
}

for (const [button, input] of [["choose", "file"], ["photograph", "camera"]]) {
  find(button).addEventListener("click", () => find(input).click());
  find(input).addEventListener("change", (event) => {
    lookAtFile(event.target.files[0]);
    event.target.value = ""; // so that the same file can be chosen again
  });
}
for (const button of document.querySelectorAll("[data-sample]")) {
  button.addEventListener("click", async () => {
    const response = await fetch(`samples/${button.dataset.sample}`);
    look(await response.blob(), button.dataset.name);
  });
}
find("opacity").addEventListener("input", setOpacity);
addEventListener("paste", (event) => lookAtFile(event.clipboardData.files[0]));
addEventListener("dragover", (event) => { event.preventDefault(); find("stage").classList.add("over"); });
addEventListener("dragleave", (event) => { if (!event.relatedTarget) find("stage").classList.remove("over"); });
addEventListener("drop", (event) => {
  event.preventDefault();
  find("stage").classList.remove("over");
  lookAtFile(event.dataTransfer.files[0]);
});
