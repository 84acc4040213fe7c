// The result on the stage: a video, or an animated picture, which no browser pauses, so that its first frame
// takes its place.

import { $, calm } from "./text.js";

let view = null; // the element that moves

export function listen() {
  for (const place of [$("pause"), $("moving")]) place.addEventListener("click", toggle);
  for (const kind of ["play", "pause"]) $("video").addEventListener(kind, showPaused);
  $("animation").addEventListener("load", keepFirstFrame);
  $("sound").addEventListener("click", () => {
    $("video").muted = !$("video").muted;
    $("sound").setAttribute("aria-pressed", !$("video").muted);
  });
}

// It plays at once, unless the visitor asks for calm. `missing` is called where the file does not come.
export function play({ url, has_audio }, format, missing) {
  unload();
  view = format === "mp4" ? $("video") : $("animation");
  view.onerror = missing;
  view.onload = view.onloadeddata = () => $("screen").classList.remove("loading");
  $("screen").classList.add("loading");
  view.src = url;
  $("sound").hidden = !has_audio;
  stand(calm.matches);
}

export function unload() {
  for (const each of [$("video"), $("animation")]) {
    each.hidden = true;
    each.onerror = null;
    each.removeAttribute("src");
  }
  $("still").hidden = true;
  $("video").load();
}

function toggle() {
  stand(!paused());
}

function stand(still) {
  if (view === $("video")) {
    view.hidden = false;
    if (still) view.pause();
    else view.play().catch(() => {}); // the button shows that it stands still
  } else {
    view.hidden = still;
    $("still").hidden = !still;
  }
  showPaused();
}

function paused() {
  return view === $("video") ? view.paused : !$("still").hidden;
}

function showPaused() {
  $("pause").setAttribute("aria-pressed", paused());
}

function keepFirstFrame() {
  const { naturalWidth: width, naturalHeight: height } = $("animation");
  Object.assign($("still"), { width, height });
  $("still").getContext("2d").drawImage($("animation"), 0, 0); // of what moves it draws the first frame
}
