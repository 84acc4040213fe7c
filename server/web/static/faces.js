// The first choice: a portrait, a photo (chosen, dropped or pasted) or a shot of the camera.

import { preview, Problem } from "./api.js";
import * as camera from "./camera.js";
import { moves } from "./length.js";
import { reveal, revealBelow } from "./screen.js";
import { $, t } from "./text.js";

const FREE = /^(public domain|cc0)/i;

// Of the server about a photo; others, a full queue for instance, say nothing of it.
export const UNREADABLE = ["unsupported_media", "image_unreadable", "image_too_large", "upload_too_large"];

// `chosen` gets {id, free, url} or {file, url, width}; the width is there where `url` shows a smaller picture.
// A clip that is dropped or chosen goes to `moved`.
export function listen(chosen, moved) {
  const take = (file) => file && chosen(own(file));
  for (const tile of portraits()) tile.addEventListener("click", () => chosen(portrait(tile)));
  $("own-face").addEventListener("click", () => chosen(mine));
  $("own-picture").addEventListener("error", () => $("own-picture").removeAttribute("src"));
  $("choose-photo").addEventListener("click", () => openPhotos());
  $("photo").addEventListener("change", () => {
    take($("photo").files[0]);
    $("photo").value = ""; // so that the same photo can be chosen again
  });
  $("open-camera").addEventListener("click", () => (camera.possible() ? camera.open(take) : openPhotos("user")));
  $("photo-instead").addEventListener("click", () => {
    $("camera").close();
    openPhotos();
  });
  listenForDrops(async (file) => (file && (await moves(file)) ? moved(file) : take(file)));
  $("clip").addEventListener("change", () => {
    const [file] = $("clip").files;
    $("clip").value = "";
    if (file) moved(file);
  });
  addEventListener("paste", (event) => take(picture(event.clipboardData)));
}

// Marks a choice and gives back the same choice with an address to show it by; null where it is not there.
export function mark(face) {
  const tile = face?.file ? $("own-face") : portraits().find((each) => each.dataset.id === face?.id);
  for (const each of document.querySelectorAll("#portraits .tile")) each.setAttribute("aria-pressed", each === tile);
  if (face?.file) return face.url && mine === face ? face : own(face.file);
  return tile ? portrait(tile) : null;
}

// What the visitor would call it.
export function nameOf(face) {
  if (face.file) return t("face.own");
  return portraits().find((each) => each.dataset.id === face.id).querySelector(".title").textContent;
}

export function showAll() {
  reveal($("faces").querySelector(".head"));
}

export function showChosen() {
  revealBelow($("portraits").querySelector("[aria-pressed=true]"));
}

// With `capture` a phone opens its own camera program.
export function openPhotos(capture) {
  if (capture) $("photo").setAttribute("capture", capture);
  else $("photo").removeAttribute("capture");
  $("photo").click();
}

let mine = null; // the visitor's own photo, kept while other faces are tried

function own(file) {
  if (mine) URL.revokeObjectURL(mine.url);
  mine = { file, url: URL.createObjectURL(file) };
  $("own-picture").src = mine.url;
  $("own-face").hidden = false;
  return mine;
}

// Have the server draw a photo that this browser cannot (HEIC, mostly); whether it is still the one to show.
// Throws the Problem that the server has with the photo.
export async function redraw(face) {
  if (face.refused) return false;
  const seen = face.file && !face.width && (await preview(face.file).catch(unlessUnreadable(face)));
  if (!seen || face !== mine) return false;
  URL.revokeObjectURL(mine.url);
  Object.assign(mine, { url: URL.createObjectURL(seen.blob), width: seen.width });
  $("own-picture").src = mine.url;
  return true;
}

export function forgetOwn() {
  if (mine) URL.revokeObjectURL(mine.url);
  mine = null;
  $("own-face").hidden = true;
  $("own-picture").removeAttribute("src");
}

function portraits() {
  return [...document.querySelectorAll("#portraits [data-id]")];
}

function portrait(tile) {
  const { id, licence, url } = tile.dataset;
  return { id, free: FREE.test(licence), url };
}

function listenForDrops(take) {
  for (const kind of ["dragover", "dragleave", "drop"]) {
    document.addEventListener(kind, (event) => {
      if (!event.dataTransfer?.types.includes("Files")) return;
      event.preventDefault();
      document.body.classList.toggle("over", kind === "dragover");
      if (kind === "drop") take(event.dataTransfer.files[0]);
    });
  }
}

function unlessUnreadable(face) {
  return (error) => {
    face.refused = error instanceof Problem && UNREADABLE.includes(error.code);
    if (face.refused) throw error;
    return null;
  };
}

function picture(data) {
  return [...(data?.files ?? [])].find((file) => file.type.startsWith("image/"));
}
