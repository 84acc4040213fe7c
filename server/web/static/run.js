// One order, from the first byte sent to its end, over a connection that may come and go.

import { ended, frame, Lost, pause, Problem, remove, send, watch } from "./api.js";
import { keep } from "./keep.js";
import { formOf } from "./order.js";
import { calm } from "./text.js";

const LONGEST = 8000; // milliseconds between two tries to reach the server
const NEW_TRIES = 2; // a server that lost its memory gets the order again, but not for ever

export class Run {
  // `kept` is {order, key, id}: id is there once the server has taken the order, so that a reload follows the
  // same job; until then the key makes sure that sending twice makes one job. A done one that is gone stays so.
  constructor(kept, show) {
    this.kept = kept;
    this.show = show; // show.uploading(share), show.job(job), show.frame(blob), show.lost()
    this.stopping = new AbortController();
  }

  static of(order, show) {
    return new Run({ order, key: newKey(), id: null }, show);
  }

  // The job as it ended; throws Problem, or the reason of stop().
  async finish() {
    for (let tries = 1; ; tries++) {
      try {
        await this.#submit();
        const job = await this.#follow();
        await keep({ ...this.kept, done: true });
        return job;
      } catch (error) {
        if (error.code !== "not_found" || this.kept.done || tries > NEW_TRIES) throw error;
        Object.assign(this.kept, { id: null, key: newKey() });
      }
    }
  }

  // Stop here and, as soon as it can be reached, on the server too.
  stop() {
    this.stopping.abort(new Problem("cancelled"));
    if (this.kept.id) remove(this.kept.id).catch(() => {});
  }

  async #submit() {
    await keep(this.kept);
    if (this.kept.id) return;
    const { signal } = this.stopping;
    const job = await this.#patiently(() => send(formOf(this.kept.order), this.kept.key, this.show.uploading, signal));
    this.kept.id = job.id;
    await keep(this.kept);
    this.show.job(job);
  }

  #follow() {
    return this.#patiently(async () => {
      let last;
      for await (last of watch(this.kept.id, this.stopping.signal)) if (!ended(last)) this.#tell(last);
      if (last.error) throw new Problem(last.error.code, last.error.detail);
      if (!last.result) throw new Problem(last.status === "succeeded" ? "gone" : "cancelled");
      return last;
    });
  }

  #tell(job) {
    this.show.job(job);
    if (job.frames_done && !calm.matches) this.#peek();
  }

  // One question at a time; on a slow line some frames are never seen.
  async #peek() {
    if (this.peeking) return;
    this.peeking = true;
    const blob = await frame(this.kept.id, this.stopping.signal).catch(() => null); // the events tell what is wrong
    this.peeking = false;
    if (blob && !this.stopping.signal.aborted) this.show.frame(blob);
  }

  async #patiently(work) {
    for (let wait = 500; ; wait = Math.min(2 * wait, LONGEST)) {
      try {
        return await work();
      } catch (error) {
        if (!(error instanceof Lost)) throw error;
        this.show.lost();
        await Promise.race([pause(wait, this.stopping.signal), online()]);
      }
    }
  }
}

function newKey() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function online() {
  return new Promise((resolve) => addEventListener("online", resolve, { once: true }));
}
