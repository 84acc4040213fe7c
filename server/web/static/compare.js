// The clip as it was, at the same moment, for as long as a button is held.

import * as scene from "./scene.js";
import { $ } from "./text.js";

let start = 0; // of the part that was used, in seconds
let held = false; // by a finger or a key
const button = $("compare");

export function listen() {
  const hold = () => {
    held = true;
    show(true);
  };
  button.addEventListener("pointerdown", hold);
  button.addEventListener("keydown", (event) => [" ", "Enter"].includes(event.key) && !event.repeat && hold());
  for (const kind of ["pointerup", "pointercancel", "pointerleave", "keyup", "blur"])
    button.addEventListener(kind, () => held && show(false));
  button.addEventListener("contextmenu", (event) => event.preventDefault()); // of a finger that stays
  button.addEventListener("click", (event) => {
    if (!held) show(!shown()); // by a screen reader, which cannot hold
    held = event.detail === 0 && held; // Enter clicks before it is let go
  });
}

// For a result of a swap into `part` of the clip on the stage.
export function offer(part) {
  start = part?.start ?? 0;
  button.hidden = !scene.visible();
  show(false);
}

function shown() {
  return button.getAttribute("aria-pressed") === "true";
}

function show(on) {
  if (on) scene.seek(start + $("video").currentTime, !$("video").paused);
  else if (shown()) scene.play(false);
  button.setAttribute("aria-pressed", on);
  $("stage").classList.toggle("comparing", on);
}
