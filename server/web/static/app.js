// The demo: a face and a motion are chosen, and the moment both are there the face moves.

import { missing, Problem, remove, useKey } from "./api.js";
import * as faces from "./faces.js";
import { keep, kept } from "./keep.js";
import * as motions from "./motions.js";
import { consented, LARGEST, optionsIn, setOptions, uploads, whole } from "./order.js";
import * as player from "./player.js";
import * as problem from "./problem.js";
import * as result from "./result.js";
import { Run } from "./run.js";
import * as screen from "./screen.js";
import { $, number, t } from "./text.js";

const order = { face: null, motion: null, options: {}, index: LARGEST, consent: false };
let run = null; // the one being made
let last = null; // the job shown, and what it was made of

const help = {
  photo: () => $("photo").click(),
  clip: motions.openFile,
  again: go,
  reload: () => location.reload(),
  consent: askConsent,
};

start();

async function start() {
  faces.listen(chooseFace, chooseMotion);
  motions.listen(chooseMotion);
  player.listen();
  result.listen(forget);
  $("consent").addEventListener("change", () => {
    order.consent = $("consent").checked;
    changed();
  });
  $("options").addEventListener("submit", (event) => event.preventDefault());
  $("options").addEventListener("input", readOptions);
  $("options").addEventListener("change", changed);
  $("cancel").addEventListener("click", cancel);
  $("access").addEventListener("submit", enter);
  readOptions();
  await resume();
  document.documentElement.dataset.ready = ""; // tests wait for it
}

function chooseFace(face) {
  order.face = face;
  order.index = LARGEST;
  if (face.file) order.consent = $("consent").checked = false; // a new photo may be of someone else
  showChoice();
  changed();
}

function chooseMotion(motion) {
  order.motion = motion;
  showChoice();
  changed();
}

function showChoice() {
  order.face = faces.mark(order.face);
  order.motion = motions.mark(order.motion);
  screen.original(order.face, redraw);
  $("audio").hidden = !motions.maySound(order.motion);
  $("consent-line").hidden = !order.face || Boolean(order.face.free);
}

// What the server cannot read either is told before anybody asks whose face it is.
async function redraw(face) {
  try {
    return await faces.redraw(face);
  } catch (error) {
    if (!run && order.face === face) {
      order.face = null;
      faces.forgetOwn();
      showChoice();
      fail(error, { order: { face } });
    }
    return false;
  }
}

// Everything that changes the order ends here: with a face, a motion and consent it is made at once.
function changed() {
  if (whole(order)) return go();
  run?.stop();
  problem.clear();
  screen.people([]);
  player.unload();
  screen.state(order.face ? "chosen" : "empty");
  if (order.face && order.motion) return askConsent();
  screen.say(order.face ? t("stage.pick_motion") : order.motion ? t("stage.pick_face") : "");
  if (order.face) motions.reveal();
}

function askConsent() {
  screen.state("chosen");
  screen.say(t("consent.ask"));
  $("consent").focus({ preventScroll: true });
  screen.reveal();
}

function go() {
  run?.stop();
  return follow(Run.of(structuredClone(order), screen.work));
}

async function follow(next) {
  run = next;
  problem.clear();
  screen.people([]);
  player.unload();
  screen.begin(uploads(next.kept.order));
  try {
    const job = await next.finish();
    if (run === next) present(job, next.kept.order);
  } catch (error) {
    if (run === next) fail(error, next.kept);
  } finally {
    if (run === next) run = null;
  }
}

function present(job, made) {
  last = { id: job.id, order: made };
  player.play(job.result, made.options.format, async () => fail(await missing(job), { order: made }));
  screen.done();
  result.offer(job, made.options.format);
  const index = made.index === LARGEST ? 0 : Number(made.index);
  screen.people(made.face.file ? job.faces : [], index, (position) => {
    order.index = String(position);
    screen.hold();
    go();
  });
}

// A done one is a result of an earlier visit, whose end is no news.
function fail(error, { order: made, done }) {
  const code = error instanceof Problem ? error.code : "internal";
  const quiet = done || code === "cancelled";
  screen.state(quiet ? "chosen" : "failed");
  screen.say(code === "cancelled" ? t("work.cancelled") : "");
  keep(null);
  if (quiet) return;
  problem.show(error instanceof Problem ? error : new Problem(code), made, help);
  screen.reveal();
  if (code === "internal") console.error(error);
}

function cancel() {
  screen.hold();
  run?.stop();
}

// What the server does not know any more is as good as deleted.
async function forget() {
  try {
    if (last) await remove(last.id);
  } catch (error) {
    if (error.code !== "not_found") return screen.say(t("result.delete_failed"));
  }
  await keep(null);
  last = null;
  screen.hold();
  if (order.face?.file) order.face = null;
  faces.forgetOwn();
  order.motion = null;
  showChoice();
  changed();
  screen.say(t("result.deleted"));
}

function enter(event) {
  event.preventDefault();
  screen.hold();
  useKey($("key").value.trim());
  $("access").reset();
  if (whole(order)) go();
}

function readOptions() {
  order.options = optionsIn($("options"));
  $("strength-value").textContent = number(order.options.strength, { style: "percent" });
}

// After a reload: the same choice, and the same job where there was one.
async function resume() {
  const found = await kept();
  if (!found) return;
  Object.assign(order, found.order);
  setOptions($("options"), order.options);
  readOptions();
  $("consent").checked = order.consent;
  showChoice();
  if (order.face && order.motion && consented(order)) follow(new Run(found, screen.work));
}
