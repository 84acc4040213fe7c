// The clip of a swap: one of the gallery, or the visitor's own with a picture of it, its length and the part to use.

import { Problem } from "./api.js";
import { isPicture, lengthOf } from "./length.js";
import { reveal, revealBelow } from "./screen.js";
import { $, bytes, calm, seconds, spoken, t } from "./text.js";
import * as trim from "./trim.js";

const most = Number($("scene-line").dataset.bytesMost);
const video = $("scene-video");
const image = $("scene-image");

let own = null; // {file, url}, kept while clips of the gallery are tried
let shown = null; // the choice on the stage
let part = null; // {start, end} in seconds; null for the whole clip
let parted; // gets the part each time it changes

// `chosen` gets {id} or {file}, `trimmed` the part of it.
export function listen(chosen, trimmed) {
  parted = trimmed;
  for (const tile of tiles()) tile.addEventListener("click", () => chosen({ id: tile.dataset.id }));
  $("own-scene").addEventListener("click", () => chosen({ file: own.file }));
  $("choose-clip").addEventListener("click", () => $("clip").click());
  const limits = { most: spoken($("scene-line").dataset.secondsMost), bytes: bytes(most) };
  $("scene-line").textContent = t("scene.line", limits);
  video.addEventListener("loadeddata", () => ready(video, video.videoWidth, video.videoHeight, video.duration));
  image.addEventListener("load", pictureReady);
  video.addEventListener("error", () => ($("no-scene").hidden = !video.getAttribute("src")));
  video.addEventListener("timeupdate", stayWithin);
  video.addEventListener("ended", () => calm.matches || seek(part?.start ?? 0, true));
}

// Throws the Problem of a file that the server would not take.
export function check(file) {
  if (file.size >= most) throw new Problem("upload_too_large");
}

// Marks a choice and shows it; null where it is not there any more.
export function mark(scene, kept) {
  const tile = scene?.file ? $("own-scene") : tiles().find((each) => each.dataset.id === scene?.id);
  for (const each of document.querySelectorAll("#clips .tile")) each.setAttribute("aria-pressed", each === tile);
  const now = tile ? scene : null;
  const same = (now?.file ?? now?.id) === (shown?.file ?? shown?.id);
  if (!same) show(now, kept);
  return now;
}

// What the visitor would call it.
export function nameOf(scene) {
  if (scene.file) return scene.file.name || t("scene.own");
  return tiles().find((each) => each.dataset.id === scene.id).querySelector(".title").textContent;
}

export function showAll() {
  reveal($("scenes").querySelector(".head"));
}

export function showChosen() {
  revealBelow($("trim").open && !$("trim").hidden ? $("trim") : $("clips").querySelector("[aria-pressed=true]"));
}

// Plays on the stage, for as long as nothing better is there.
export function play(wanted) {
  if (wanted && !calm.matches && video.getAttribute("src")) video.play().catch(() => {});
  else video.pause();
}

// The same moment of the clip as that of a result, in seconds from its start.
export function seek(at, playing) {
  video.currentTime = at;
  if (playing) video.play().catch(() => {});
  else video.pause();
}

// Whether the clip itself can be seen, which of the gallery's is never sent.
export function visible() {
  return Boolean(shown?.file) && $("no-scene").hidden;
}

export function forgetOwn() {
  if (own) URL.revokeObjectURL(own.url);
  own = null;
  $("own-scene").hidden = true;
}

function show(scene, kept) {
  shown = scene;
  part = kept ?? null;
  trim.close();
  for (const each of [video, image]) {
    each.hidden = true;
    each.removeAttribute("src");
  }
  video.load();
  $("no-scene").hidden = true;
  $("scene").hidden = !scene;
  if (scene?.file) showOwn(scene.file);
  else if (scene) showPreview(scene.id);
}

function showOwn(file) {
  if (own?.file !== file) {
    forgetOwn();
    own = { file, url: URL.createObjectURL(file) };
  }
  $("own-scene").hidden = false;
  $("own-name").textContent = nameOf({ file });
  $("own-length").textContent = "";
  $("poster").getContext("2d").clearRect(0, 0, 256, 256);
  const view = isPicture(file) ? image : video;
  view.hidden = false;
  view.src = own.url;
}

function showPreview(id) {
  const preview = tiles().find((each) => each.dataset.id === id).querySelector("[data-preview]");
  if (!preview) return;
  image.hidden = false;
  image.src = preview.dataset.preview;
}

async function pictureReady() {
  const file = shown?.file;
  const length = file ? await lengthOf(file) : null;
  if (shown?.file === file) ready(image, image.naturalWidth, image.naturalHeight, length);
}

function ready(view, width, height, length) {
  document.documentElement.style.setProperty("--scene", width / height);
  if (!shown?.file) return;
  const side = Math.min(width, height);
  $("poster").getContext("2d").drawImage(view, (width - side) / 2, (height - side) / 4, side, side, 0, 0, 256, 256);
  if (view === video) play($("stage").dataset.state !== "done");
  if (!Number.isFinite(length) || !length) return; // some recordings do not tell; the server finds out
  $("own-length").textContent = seconds(length);
  const before = part;
  part = trim.offer({ url: own.url, video: view === video, length }, part, take);
  if (part !== before) parted(part, true);
}

function take(now, at, settled) {
  part = now;
  if (at !== null) seek(at, false);
  if (settled) seek(part?.start ?? 0, !calm.matches);
  parted(part, settled);
}

function stayWithin() {
  if (part && !video.paused && (video.currentTime >= part.end || video.currentTime < part.start - 0.3))
    video.currentTime = part.start;
}

function tiles() {
  return [...document.querySelectorAll("#clips [data-id]")];
}
