// A selfie: a mirrored view with an oval to fill, a countdown, a shot.

import { pause } from "./api.js";
import { $, t } from "./text.js";

const COUNT = 3; // seconds
const SIDE = 1280; // pixels; more than the largest result needs

let stream = null;
let facing = "user";
let shot; // what to do with the photo
let counting = null;

// Without https there is no camera in the page, but a phone has a program for it.
export function possible() {
  return Boolean(navigator.mediaDevices) || !matchMedia("(pointer: coarse)").matches;
}

export async function open(take) {
  shot = take;
  $("camera").showModal();
  await start();
}

$("camera").addEventListener("close", stop);
$("camera-close").addEventListener("click", () => $("camera").close());
$("shoot").addEventListener("click", shoot);
$("switch").addEventListener("click", () => {
  facing = facing === "user" ? "environment" : "user";
  start();
});

async function start() {
  stop();
  offerPhoto(false);
  $("camera-line").textContent = t("camera.asking");
  try {
    stream = await navigator.mediaDevices.getUserMedia({
      video: { facingMode: facing, width: { ideal: SIDE }, height: { ideal: SIDE } },
    });
  } catch (error) {
    return complain(error);
  }
  if (!$("camera").open) return stop(); // closed while the browser asked
  $("camera-line").textContent = t("camera.line");
  $("view").srcObject = stream;
  $("view").classList.toggle("mirrored", facing === "user");
  $("shoot").disabled = false;
  const cameras = (await navigator.mediaDevices.enumerateDevices()).filter((it) => it.kind === "videoinput");
  $("switch").hidden = cameras.length < 2;
}

function complain(error) {
  const kind = !navigator.mediaDevices ? "insecure" : error.name === "NotAllowedError" ? "denied" : "missing";
  $("camera-line").textContent = t(`camera.${kind}`);
  offerPhoto(true);
}

// Where no camera answers, its button and its empty view make room for what helps.
function offerPhoto(instead) {
  $("finder").hidden = $("shoot").hidden = instead;
  $("photo-instead").hidden = !instead;
  if (instead) $("switch").hidden = true;
}

async function shoot() {
  $("shoot").disabled = true;
  counting = new AbortController();
  try {
    for (let left = COUNT; left; left--) {
      $("countdown").textContent = left;
      await pause(1000, counting.signal);
    }
  } catch {
    return;
  } finally {
    $("countdown").textContent = "";
  }
  const file = await photo();
  $("camera").close();
  shot(file);
}

// As the visitor saw it: mirrored where the view is.
async function photo() {
  const { videoWidth: width, videoHeight: height } = $("view");
  const canvas = Object.assign(document.createElement("canvas"), { width, height });
  const context = canvas.getContext("2d");
  if (facing === "user") context.setTransform(-1, 0, 0, 1, width, 0);
  context.drawImage($("view"), 0, 0);
  const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", 0.92));
  return new File([blob], "selfie.jpg", { type: "image/jpeg" });
}

function stop() {
  counting?.abort();
  $("shoot").disabled = true;
  for (const track of stream?.getTracks() ?? []) track.stop();
  stream = $("view").srcObject = null;
}
