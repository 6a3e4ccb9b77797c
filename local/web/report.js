const audio = document.getElementById("audio");
const wave = document.getElementById("wave");
const playhead = document.getElementById("playhead");
const turns = [...document.querySelectorAll(".talk li")];
const left = Number(wave.dataset.left);
const scale = Number(wave.dataset.scale);

function show() {
  const at = audio.currentTime;
  playhead.setAttribute("transform", `translate(${at * scale} 0)`);
  for (const turn of turns) {
    const now = at > 0 && at >= Number(turn.dataset.from) && at <= Number(turn.dataset.to);
    turn.classList.toggle("now", now);
  }
  if (!audio.paused) requestAnimationFrame(show);
}

function listenFrom(seconds) {
  audio.currentTime = Math.max(0, seconds);
  audio.play();
}

for (const event of ["play", "seeked", "timeupdate"]) audio.addEventListener(event, show);
for (const button of document.querySelectorAll("[data-seek]")) {
  button.addEventListener("click", () => listenFrom(Number(button.dataset.seek)));
}
wave.addEventListener("click", (event) => {
  const point = new DOMPoint(event.clientX, event.clientY).matrixTransform(wave.getScreenCTM().inverse());
  listenFrom((point.x - left) / scale);
});
