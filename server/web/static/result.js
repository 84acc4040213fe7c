// What can be done with a result: save, share, copy its address, delete.

import { say } from "./screen.js";
import { $, bytes, moment, number, seconds, t } from "./text.js";

let file = null; // the result as a File, for sharing
let address = "";
let expires = "";

export function listen(deleted) {
  $("share").addEventListener("click", share);
  $("copy").addEventListener("click", copy);
  $("delete").addEventListener("click", deleted);
}

export function offer(job, format) {
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

// navigator.share wants to be called in the moment of the tap, so the file is there before it.
async function prepareSharing(url, format) {
  file = null;
  $("share").hidden = true;
  if (!navigator.canShare) return;
  const blob = await fetch(url).then((answer) => (answer.ok ? answer.blob() : null)).catch(() => null);
  if (!blob || new URL(url, location).href !== address) return;
  file = new File([blob], `reenact.${format}`, { type: blob.type });
  $("share").hidden = !navigator.canShare({ files: [file] });
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
