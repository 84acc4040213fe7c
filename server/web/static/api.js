// The calls of the HTTP interface that the page makes. What goes wrong is a Problem (the server said so, with
// a code) or Lost (nobody answered).

import { events } from "./stream.js";

const POLL = 400; // milliseconds between two questions, where the stream of events does not come through
const V1 = new URL("../v1", import.meta.url).pathname; // this file is in static/, under whatever path a proxy serves it
const ANIMATIONS = `${V1}/animations`;
const WRONG_KEY = "key_unknown"; // the page's own code: a key was sent, and the server does not know it
let key = sessionStorage.getItem("key"); // of the interface; the demo on one's own machine needs none

export class Problem extends Error {
  constructor(code, detail = "", wait = 0) {
    super(detail || code);
    Object.assign(this, { code, detail, wait });
  }
}

export class Lost extends Error {}

export function useKey(text) {
  key = text;
  sessionStorage.setItem("key", text);
}

// POST an order; `uploaded` is told the share that was sent. The same idempotency key gives the same job.
export function send(form, idempotency, uploaded, signal) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest(); // fetch cannot tell how much was sent
    request.open("POST", ANIMATIONS);
    for (const [name, value] of Object.entries(headers())) request.setRequestHeader(name, value);
    request.setRequestHeader("Idempotency-Key", idempotency);
    request.upload.onprogress = (event) => event.lengthComputable && uploaded(event.loaded / event.total);
    request.onload = () => {
      const body = parsed(request.responseText);
      if (request.status < 300 && body.id) resolve(body);
      else reject(problem(request.status, body, request.getResponseHeader("Retry-After")));
    };
    request.onerror = () => reject(new Lost());
    request.onabort = () => reject(signal.reason);
    signal.addEventListener("abort", () => request.abort());
    request.send(form);
  });
}

// What can be said about where a file comes from.
export function verify(form, signal) {
  return ask(`${V1}/verify`, { method: "POST", body: form, signal });
}

export function remove(id) {
  return ask(`${ANIMATIONS}/${id}`, { method: "DELETE", keepalive: true });
}

// The job at each change, until it has ended. Every event tells the whole job, so one that is missed is no loss.
export async function* watch(id, signal) {
  const address = `${ANIMATIONS}/${id}`;
  try {
    for await (const text of events(`${address}/events`, headers(), signal)) {
      const job = JSON.parse(text);
      yield job;
      if (ended(job)) return;
    }
  } catch {
    signal.throwIfAborted(); // whether the server is lost, or only the stream, the next question tells
  }
  for (;;) {
    const job = await ask(address, { signal });
    yield job;
    if (ended(job)) return;
    await pause(POLL, signal);
  }
}

// The latest frame of a job that runs, as a Blob; null where the server has none.
export async function frame(id, signal) {
  const answer = await reach(`${ANIMATIONS}/${id}/frame`, { signal });
  return answer.status === 200 ? answer.blob() : null;
}

// A photo as the server reads it: {blob, width}, the latter in pixels of the photo itself.
export async function preview(file) {
  const form = new FormData();
  form.set("selfie", file, file.name || "selfie");
  const answer = await reach(`${V1}/previews`, { method: "POST", body: form });
  if (!answer.ok) throw problem(answer.status, parsed(await answer.text()));
  return { blob: await answer.blob(), width: Number(answer.headers.get("Original-Width")) };
}

// Why the file of a job that succeeded cannot be shown; null where it is there.
export async function missing(job) {
  try {
    await ask(job.result.url, { headers: { Range: "bytes=0-0" }, cache: "no-store" });
  } catch (error) {
    return error instanceof Lost ? new Problem("gone") : error;
  }
  return null;
}

export function ended(job) {
  return !["queued", "running"].includes(job.status);
}

export function pause(milliseconds, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, milliseconds);
    signal?.addEventListener("abort", () => (clearTimeout(timer), reject(signal.reason)), { once: true });
  });
}

async function ask(address, options) {
  const answer = await reach(address, options);
  const body = parsed(await answer.text().catch(lost(options.signal)));
  if (!answer.ok) throw problem(answer.status, body, answer.headers.get("Retry-After"));
  return body;
}

async function reach(address, options) {
  return fetch(address, { ...options, headers: { ...headers(), ...options.headers } }).catch(lost(options.signal));
}

function lost(signal) {
  return () => {
    throw signal?.aborted ? signal.reason : new Lost();
  };
}

function headers() {
  return key ? { Authorization: `Bearer ${key}` } : {};
}

function problem(status, body, wait) {
  // A proxy whose server is away answers with a page of its own.
  if (!body.code && [502, 503, 504].includes(status)) return new Lost();
  const code = body.code === "unauthorized" && key ? WRONG_KEY : body.code ?? "internal";
  return new Problem(code, body.detail, Number(wait) || 0);
}

function parsed(text) {
  try {
    return JSON.parse(text) ?? {};
  } catch {
    return {};
  }
}
