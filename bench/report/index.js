// The page of all runs: the command that compares the ticked ones, and a trend's numbers at a touch.
"use strict";
document.documentElement.classList.add("js");

const bar = document.querySelector(".chosen");
const line = bar.querySelector("code");
const ticks = [...document.querySelectorAll(".entry input")];
const MOST = 10;

const show = () => {
  const on = ticks.filter((tick) => tick.checked);
  on.sort((a, b) => (a.dataset.started < b.dataset.started ? -1 : 1));
  for (const tick of ticks) tick.closest(".entry").classList.toggle("on", tick.checked);
  bar.hidden = on.length < 1;
  bar.classList.toggle("whole", on.length >= 2 && on.length <= MOST);
  if (on.length < 2) line.textContent = "Tick one more run to compare.";
  else if (on.length > MOST) line.textContent = `Compare takes ${MOST} runs at the most.`;
  else line.textContent = `shopbench compare ${on.map((tick) => tick.value).join(" ")}`;
};
for (const tick of ticks) tick.addEventListener("change", show);
show();  // a browser keeps ticks over a reload

const button = bar.querySelector("button");
button.addEventListener("click", async () => {
  const selected = document.createRange();
  selected.selectNodeContents(line);
  getSelection().removeAllRanges();
  getSelection().addRange(selected);
  try {
    await navigator.clipboard.writeText(line.textContent);
    button.textContent = "Copied";
  } catch {
    button.textContent = "Selected: copy it";
  }
  setTimeout(() => { button.textContent = "Copy"; }, 2000);
});

for (const point of document.querySelectorAll(".trend g")) {
  const told = point.closest(".trend").querySelector(".point");
  const tell = () => { told.textContent = point.querySelector("title").textContent; };
  for (const event of ["pointerenter", "click", "focus"]) point.addEventListener(event, tell);
}
