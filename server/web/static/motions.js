// The second choice: a template, or a clip of one's own.

import { reveal, revealBelow } from "./screen.js";
import { $, calm, seconds } from "./text.js";

let clip = null; // the visitor's own, kept while templates are tried

// `chosen` gets {id} or {file}.
export function listen(chosen) {
  for (const tile of templates()) tile.addEventListener("click", () => chosen({ id: tile.dataset.id }));
  $("own-motion").addEventListener("click", () => (clip && !pressed() ? chosen(clip) : $("clip").click()));
  for (const each of document.querySelectorAll("[data-seconds]")) each.textContent = seconds(each.dataset.seconds);
  showPreviewsInView();
}

// On a phone the motions may lie below the fold when the face is chosen.
export function showAll() {
  reveal($("templates").firstElementChild);
}

export function showChosen() {
  revealBelow($("templates").querySelector("[aria-pressed=true]"));
}

export function openFile() {
  $("clip").click();
}

// Marks a choice; null where it is not there.
export function mark(motion) {
  const tile = motion?.file ? $("own-motion") : templates().find((each) => each.dataset.id === motion?.id);
  for (const each of document.querySelectorAll("#templates .tile")) each.setAttribute("aria-pressed", each === tile);
  if (motion?.file && motion.file !== clip?.file) show(motion.file);
  return tile ? motion : null;
}

// A clip of one's own tells only when it is decoded; nobody but the visitor knows before.
export function maySound(motion) {
  if (motion?.file) return motion.file.type.startsWith("video/");
  return Boolean(motion && templates().find((each) => each.dataset.id === motion.id)?.querySelector(".mark"));
}

function templates() {
  return [...document.querySelectorAll("#templates [data-id]")];
}

function pressed() {
  return $("own-motion").getAttribute("aria-pressed") === "true";
}

function show(file) {
  clip = { file };
  const view = $("own-clip");
  URL.revokeObjectURL(view.src);
  view.src = URL.createObjectURL(file);
  view.onloadeddata = () => {
    view.hidden = false;
    if (!calm.matches) view.play().catch(() => {});
  };
  view.onerror = () => (view.hidden = true); // a GIF, or a format that only the server reads
}

// A preview weighs 100 kB: it is fetched when its tile comes near, and moves unless the visitor wants calm.
function showPreviewsInView() {
  const observer = new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      observer.unobserve(target);
      target.addEventListener("load", () => calm.matches && freeze(target), { once: true });
      target.src = target.dataset.preview;
    }
  }, { rootMargin: "200px" });
  for (const image of document.querySelectorAll("[data-preview]")) observer.observe(image);
}

function freeze(image) {
  const still = Object.assign(document.createElement("canvas"), { width: 256, height: 256 });
  still.getContext("2d").drawImage(image, 0, 0, 256, 256);
  still.className = image.className;
  image.replaceWith(still);
}
