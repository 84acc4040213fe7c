// The stage: what is chosen, how far it is, and what came out. demo.css shows what belongs to each state.

import { $, calm, make, number, t } from "./text.js";

// empty, chosen, working, done or failed
export function state(name) {
  $("stage").dataset.state = name;
  $("stage").setAttribute("aria-busy", name === "working");
}

// Not every browser can show HEIC: then `redraw` gets the face, and answers whether its address shows it now.
// What it knew of the face before is forgotten; the same face is not drawn again.
export function original(face, redraw) {
  if (face && face.url === $("original").getAttribute("src")) return;
  people([]);
  draw(face, redraw);
}

function draw(face, redraw) {
  const image = $("original");
  $("screen").classList.remove("no-preview");
  for (const each of [image, $("inset")]) each.removeAttribute("src");
  if (!face) return;
  image.onerror = async () => {
    const shown = await redraw(face);
    if (shown) draw(face, redraw);
    else if (!face.refused) $("screen").classList.toggle("no-preview", Boolean(image.src) && !image.naturalWidth); // or another is chosen
  };
  image.onload = () => document.documentElement.style.setProperty("--shape", image.naturalWidth / image.naturalHeight);
  image.dataset.width = face.width ?? "";
  image.src = $("inset").src = face.url;
}

export function begin(upload) {
  $("progress").removeAttribute("value");
  $("count").textContent = "";
  $("live").removeAttribute("src"); // of the one before
  state("working");
  step(upload ? "upload" : "queue");
  reveal();
}

// On a phone that lies on its side the galleries are below the stage.
export function reveal(element = $("screen")) {
  element.scrollIntoView({ block: "nearest", inline: "nearest", behavior: calm.matches ? "instant" : "smooth" });
}

// On a phone that stands, the stage lies over the galleries and grows when something is made: what was tapped stays
// in sight below it.
export function revealBelow(element) {
  if (element && getComputedStyle($("stage")).position === "sticky") reveal(element);
}

// Takes the focus before the button that has it goes away, so that the keyboard's place is not lost.
export function hold() {
  $("stage").focus({ preventScroll: true });
}

export const work = {
  uploading(share) {
    step("upload", share);
    $("count").textContent = number(share, { style: "percent" });
  },
  job(job) {
    if (job.status === "queued") {
      step("queue");
      $("count").textContent = t("work.queue", { position: number(job.queue_position ?? 1) });
    } else if (!job.frames_done) {
      step("face");
      $("count").textContent = "";
    } else {
      const swap = job.effect === "swap"; // of which frames are counted twice: tracked, then made
      step(job.frames_done === job.frames_total ? "finish" : swap ? "swap" : "frames", job.progress);
      const frames = { done: number(job.frames_done), total: number(job.frames_total) };
      $("count").textContent = swap ? number(job.progress, { style: "percent" }) : t("work.frames", frames);
    }
  },
  frame(blob) {
    if ($("stage").dataset.state !== "working") return;
    const old = $("live").src;
    $("live").src = URL.createObjectURL(blob);
    URL.revokeObjectURL(old);
  },
  lost() {
    say(t(navigator.onLine ? "work.lost" : "work.offline"));
    $("count").textContent = "";
    $("progress").removeAttribute("value");
  },
};

// Read out by screen readers: only what changes rarely, never the frames.
export function say(text) {
  if ($("status").textContent !== text) $("status").textContent = text;
}

export function done(swap) {
  state("done");
  say($("several").hidden ? t("work.done") : swap ? t("swap.done_several") : t("work.done_several"));
}

// The faces of a photo as round pictures to tap, for as long as it is chosen; `chosen` gets a position, largest first.
export function people(faces, index, chosen) {
  const seen = $("original").naturalWidth > 0;
  const focused = $("people").contains(document.activeElement);
  $("several").hidden = faces.length < 2;
  $("people").replaceChildren(
    ...faces.map((face, position) => {
      const button = make("button", { type: "button", ariaPressed: String(position === index) });
      button.setAttribute("aria-label", t("several.face", { number: number(position + 1) }));
      button.append(seen ? portrait(face.box) : number(position + 1));
      button.addEventListener("click", () => {
        for (const each of $("people").children) each.ariaPressed = String(each === button);
        chosen(position);
      });
      return button;
    }),
  );
  if (focused) ($("people").children[index] ?? $("stage")).focus({ preventScroll: true });
}

function portrait([left, top, right, bottom]) {
  const side = 1.4 * Math.max(right - left, bottom - top);
  const canvas = make("canvas", { width: 128, height: 128 });
  const { naturalWidth, dataset } = $("original");
  const scale = naturalWidth / (dataset.width || naturalWidth);
  const place = [(left + right - side) / 2, (top + bottom - side) / 2, side, side].map((pixels) => pixels * scale);
  canvas.getContext("2d").drawImage($("original"), ...place, 0, 0, 128, 128);
  return canvas;
}

function step(name, share) {
  if (share === undefined) $("progress").removeAttribute("value");
  else $("progress").value = share;
  say(t(`step.${name}.line`));
}
