// What can be done with a result: save, share, copy its address, delete.

import { missing } from "./api.js";
import { say } from "./screen.js";
import { $, bytes, moment, number, seconds, t } from "./text.js";

const TYPES = { mp4: "video/mp4", gif: "image/gif", webp: "image/webp" };
let file = null; // the result as a File, for sharing
let address = "";
let expires = "";
let job = null;
let there = false; // past its time, as this device sees it: the server has just said that it has it

// `gone` gets the Problem of a result whose time was over before it was saved or its address taken.
export function listen(deleted, gone) {
  for (const [id, act] of [["save", () => {}], ["copy", copy]]) {
    $(id).addEventListener("click", (event) => (isOver() ? ask(event, gone) : act()));
  }
  $("share").addEventListener("click", share);
  $("delete").addEventListener("click", deleted);
}

// The result of a job that succeeded.
export function offer(made, format) {
  job = made;
  const { url, width, height, frames, fps } = job.result;
  address = new URL(url, location).href;
  expires = job.result.expires_at;
  $("save").href = url;
  $("save").download = `reenact.${format}`;
  $("link-label").hidden = true;
  const size = `\u2066${number(width)} × ${number(height)}\u2069`; // width first, in Arabic too
  $("facts").textContent = [size, seconds(frames / fps), bytes(job.result.bytes)].join(" · ");
  prepareSharing(url, format);
}

function isOver() {
  return !there && Date.now() >= Date.parse(expires);
}

// The clock of this device may be ahead, so the server is asked, and what it still has is given.
async function ask(event, gone) {
  event.preventDefault();
  const asked = job;
  const problem = await missing(asked);
  if (asked !== job) return;
  if (problem) return gone(problem);
  there = true;
  event.target.closest("#save, #copy").click();
  there = false;
}

// navigator.share wants to be called in the moment of the tap, so the file is there before it. The button keeps its
// place meanwhile, so that the one beside it does not move away from the finger.
async function prepareSharing(url, format) {
  const type = TYPES[format];
  file = null;
  $("share").disabled = true;
  $("share").hidden = !navigator.canShare?.({ files: [new File([], `reenact.${format}`, { type })] });
  if ($("share").hidden) return;
  const blob = await fetch(url).then((answer) => (answer.ok ? answer.blob() : null)).catch(() => null);
  if (!blob || new URL(url, location).href !== address) return;
  file = new File([blob], `reenact.${format}`, { type });
  $("share").disabled = false;
}

async function share() {
  try {
    await navigator.share({ files: [file], title: t("page.title") });
  } catch (error) {
    if (error.name !== "AbortError") say(t("result.share_failed"));
  }
}

async function copy() {
  try {
    await navigator.clipboard.writeText(address);
    say(t("result.copied", { time: moment(expires) }));
  } catch {
    $("link-label").hidden = false; // no clipboard without https: show it, ready to be copied by hand
    $("link").value = address;
    $("link").select();
  }
}
