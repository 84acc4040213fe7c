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
let asked = null; // the photo, or the id of the portrait, that the box of consent stands for
let before = null; // the face that was chosen before the present one
let last = null; // the job shown, and what it was made of

const help = {
  photo: () => faces.openPhotos(),
  clip: motions.openFile,
  again: go,
  reload: () => location.reload(),
  consent: changed,
};

start();

async function start() {
  faces.listen(chooseFace, chooseMotion);
  motions.listen(chooseMotion);
  player.listen();
  result.listen(forget, (problem) => fail(problem, { order: last.order }));
  $("again").addEventListener("click", () => {
    screen.hold();
    go();
  });
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
  before = order.face;
  order.face = face;
  order.index = LARGEST;
  if (!face.free && asked !== (face.file ?? face.id)) order.consent = $("consent").checked = false;
  if (!face.free) asked = face.file ?? face.id;
  showChoice();
  changed();
  faces.showChosen();
  if (!order.motion) motions.showAll();
}

function chooseMotion(motion) {
  order.motion = motion;
  showChoice();
  changed();
  if (order.face) motions.showChosen();
}

function showChoice() {
  order.face = faces.mark(order.face);
  order.motion = motions.mark(order.motion);
  screen.original(order.face, redraw);
  $("audio").hidden = !motions.maySound(order.motion);
  $("consent-line").hidden = !order.face || Boolean(order.face.free);
}

// What the server cannot read either is told before anybody asks whose face it is; the one before stays chosen.
async function redraw(face) {
  try {
    return await faces.redraw(face);
  } catch (error) {
    if (!run && order.face === face) {
      order.face = before;
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
  player.unload();
  remember();
  wait();
  screen.say(lacking());
  if (order.face && order.motion) return askConsent();
  if (order.face) motions.showAll();
  else if (order.motion) faces.showAll();
}

// Nothing is made; what is whole already can be.
function wait() {
  screen.state(order.face ? "chosen" : "empty");
  $("again").hidden = !whole(order);
}

function lacking() {
  if (whole(order)) return "";
  if (order.face && order.motion) return t("consent.ask");
  return order.face ? t("stage.pick_motion") : order.motion ? t("stage.pick_face") : "";
}

// A reload finds the choice again, also where nothing came of it.
function remember() {
  return keep({ order: structuredClone(order), key: null, id: null });
}

function askConsent() {
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
  const broken = async () => fail((await missing(job)) ?? new Problem("internal"), { order: made });
  player.play(job.result, made.options.format, broken);
  result.offer(job, made.options.format);
  const index = made.index === LARGEST ? 0 : Number(made.index);
  screen.people(made.face.file ? job.faces : [], index, (position) => {
    order.index = String(position);
    changed();
  });
  screen.done();
}

// A done one is a result of an earlier visit, whose end is no news.
function fail(error, { order: made, done }) {
  const code = error instanceof Problem ? error.code : "internal";
  const quiet = done || code === "cancelled";
  screen.say(code === "cancelled" ? t("work.cancelled") : "");
  remember();
  if (quiet) return wait();
  screen.state("failed");
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
  asked = order.face?.file ?? order.face?.id;
  setOptions($("options"), order.options);
  readOptions();
  $("consent").checked = order.consent;
  showChoice();
  await $("original").decode().catch(() => {}); // the stage takes its shape from it
  faces.showChosen();
  if (found.key && whole(order)) return void follow(new Run(found, screen.work));
  wait();
  screen.say(lacking());
}
