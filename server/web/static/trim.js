// Which part of a clip is used: two handles over a row of its frames.

import { $, clock, seconds, spoken, t } from "./text.js";

const SHORTEST = 0.2; // seconds
const SHOWN = 8; // frames in the row
const most = Number($("scene-line").dataset.secondsMost);

let total = 0;
let chosen; // gets {start, end}; null for the whole
let drawn = null; // address of the clip whose frames are in the row

// Offers the handles for a clip of a known length. Gives back the part to begin with: what fits, if it is too long.
export function offer({ url, video, length }, part, changed) {
  total = length;
  chosen = changed;
  const long = length > most;
  $("trim").hidden = !(length > SHORTEST);
  $("trim").open = long || Boolean(part);
  $("trim-line").textContent = long ? t("trim.long", { length: spoken(length), most: spoken(most) }) : "";
  const now = part ?? { start: 0, end: Math.min(length, most) };
  for (const name of ["start", "end"]) Object.assign($(name), { max: length, value: now[name] });
  tell();
  $("trim").ontoggle = () => video && $("trim").open && draw(url);
  if (!video) drawStill();
  else if ($("trim").open) draw(url);
  return part ?? (long ? now : null);
}

export function close() {
  $("trim").hidden = true;
}

for (const [name, other] of [["start", "end"], ["end", "start"]]) {
  $(name).addEventListener("input", () => {
    keepWithin(name, other);
    tell();
    chosen(value(), Number($(name).value), false);
  });
  $(name).addEventListener("change", () => chosen(value(), null, true));
}

// The handle that is not held gives way, so that the part is neither too short nor too long.
function keepWithin(held, other) {
  const sign = held === "start" ? 1 : -1;
  const room = Math.max(0, total - SHORTEST);
  const at = held === "start" ? Math.min($(held).value, room) : Math.max($(held).value, SHORTEST);
  const gap = sign * ($(other).value - at);
  $(held).value = at;
  $(other).value = at + sign * Math.min(Math.max(gap, SHORTEST), most);
}

// The last step of a handle may lie a little before the end.
function value() {
  const [start, end] = [Number($("start").value), Number($("end").value)];
  const whole = start === 0 && total - end < 0.1 && total <= most;
  return whole ? null : { start, end: Math.min(end, start + most) };
}

function tell() {
  const [start, end] = [Number($("start").value), Number($("end").value)];
  for (const name of ["start", "end"]) $(name).setAttribute("aria-valuetext", spoken(Number($(name).value)));
  $("part").textContent = `\u2066${clock(start)} – ${clock(end)}\u2069 · ${seconds(end - start)}`;
  $("film").style.setProperty("--from", start / total);
  $("film").style.setProperty("--to", end / total);
}

// Of an animated picture only the first frame is there to be drawn.
function drawStill() {
  drawn = null;
  const { width, height } = $("frames");
  for (let at = 0; at < width; at += height)
    $("frames").getContext("2d").drawImage($("poster"), at, 0, height, height);
}

// One frame after the other; a film that was replaced meanwhile is not drawn on.
async function draw(url) {
  if (drawn === url) return;
  drawn = url;
  const canvas = $("frames");
  const context = canvas.getContext("2d");
  context.clearRect(0, 0, canvas.width, canvas.height);
  const film = Object.assign(document.createElement("video"), { muted: true, preload: "auto", src: url });
  const wide = canvas.width / SHOWN;
  for (let index = 0; index < SHOWN; index++) {
    film.currentTime = ((index + 0.5) / SHOWN) * total;
    const come = await new Promise((done) => (film.onseeked = () => done(true), film.onerror = () => done(false)));
    if (!come || drawn !== url) break;
    const scale = Math.max(wide / film.videoWidth, canvas.height / film.videoHeight);
    const [width, height] = [wide / scale, canvas.height / scale];
    const from = [(film.videoWidth - width) / 2, (film.videoHeight - height) / 4];
    context.drawImage(film, ...from, width, height, index * wide, 0, wide, canvas.height);
  }
  film.removeAttribute("src");
}
