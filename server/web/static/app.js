// The demo: a face and a motion are chosen, and the moment both are there the face moves. Or a clip and a face are
// chosen, and the face is put into the clip when the visitor says so: that takes longer, and may be of others.

import { missing, Problem, remove, useKey } from "./api.js";
import * as compare from "./compare.js";
import * as faces from "./faces.js";
import { keep, kept } from "./keep.js";
import * as motions from "./motions.js";
import { complete, consented, driver, LARGEST, optionsIn, setOptions, uploads, whole } from "./order.js";
import * as player from "./player.js";
import * as problem from "./problem.js";
import * as result from "./result.js";
import * as roving from "./roving.js";
import { Run } from "./run.js";
import * as scene from "./scene.js";
import * as screen from "./screen.js";
import { $, number, t } from "./text.js";

const order = {
  act: "move", face: null, motion: null, scene: null, part: null, options: {}, index: LARGEST, consent: false,
};
let run = null; // the one being made
let asked = []; // what the box of consent stands for: the act, the face, the clip
let before = null; // the face that was chosen before the present one
let last = null; // the job shown, and what it was made of

const help = {
  photo: () => faces.openPhotos(),
  clip: motions.openFile,
  again: go,
  part: useFirstPart,
  reload: () => location.reload(),
  consent: changed,
};

start();

async function start() {
  faces.listen(chooseFace, chooseClip);
  motions.listen(chooseMotion);
  scene.listen(chooseScene, choosePart);
  compare.listen();
  roving.listen();
  for (const each of document.getElementsByName("act")) each.addEventListener("change", () => chooseAct(each.value));
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
  $("make").addEventListener("click", make);
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
  showChoice();
  changed();
  faces.showChosen();
  if (!driver(order)) (order.act === "swap" ? scene : motions).showAll();
}

function chooseMotion(motion) {
  order.motion = motion;
  showChoice();
  changed();
  if (order.face) motions.showChosen();
}

// A file of the visitor's own: what it is for depends on the act.
function chooseClip(file) {
  if (order.act !== "swap") return chooseMotion({ file });
  try {
    scene.check(file);
  } catch (error) {
    run?.stop();
    return fail(error, { order: { ...order, face: null, scene: { file } } });
  }
  chooseScene({ file });
}

function chooseScene(chosen) {
  order.scene = chosen;
  order.part = null;
  showChoice();
  changed();
  if (order.face) scene.showChosen();
}

// While a handle moves nothing else does; when it is let go, what was made of another part is not this one.
function choosePart(part, settled) {
  order.part = part;
  if (!settled) return;
  if (run || $("stage").dataset.state === "done") changed();
  else remember();
}

function useFirstPart() {
  order.part = { start: 0, end: Number($("scene-line").dataset.secondsMost) };
  go();
}

function chooseAct(act) {
  order.act = act;
  showAct();
  showChoice();
  changed();
}

function showAct() {
  const swap = order.act === "swap";
  document.documentElement.dataset.act = order.act;
  for (const each of document.getElementsByName("act")) each.checked = each.value === order.act;
  $("several").setAttribute("aria-label", swap ? t("swap.several") : t("several.line"));
}

function showChoice() {
  order.face = faces.mark(order.face);
  order.motion = motions.mark(order.motion);
  order.scene = scene.mark(order.scene, order.part);
  screen.original(order.face, redraw);
  $("audio").hidden = !motions.maySound(driver(order));
  showConsent();
  roving.settleAll();
}

// A yes is for one face, and in a swap for one clip; for another it is asked anew.
function showConsent() {
  const swap = order.act === "swap";
  $("consent-line").hidden = swap ? !complete(order) : !order.face || Boolean(order.face.free);
  if ($("consent-line").hidden) return;
  const now = [order.act, order.face.file ?? order.face.id, swap && (order.scene.file ?? order.scene.id)];
  if (now.some((each, index) => each !== asked[index])) order.consent = false;
  asked = now;
  $("consent").checked = order.consent;
  const names = swap && { face: faces.nameOf(order.face), clip: scene.nameOf(order.scene) };
  $("consent-words").textContent = swap ? t("consent.swap", names) : t("consent.line");
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

// Everything that changes the order ends here: with a face, a motion and consent it is made at once, a swap when asked.
function changed() {
  if (order.act !== "swap" && whole(order)) return go();
  run?.stop();
  problem.clear();
  player.unload();
  remember();
  wait();
  screen.say(lacking());
  const swap = order.act === "swap";
  if (complete(order)) return swap ? screen.reveal($("stage")) : askConsent();
  if (order.face) (swap ? scene : motions).showAll();
  else if (driver(order)) faces.showAll();
}

// Nothing is made; what is whole already can be.
function wait() {
  const swap = order.act === "swap";
  screen.state(order.face || (swap && order.scene) ? "chosen" : "empty");
  $("again").hidden = swap || !whole(order);
  $("make").hidden = !complete(order);
  scene.play(swap);
}

function lacking() {
  const swap = order.act === "swap";
  if (whole(order)) return swap ? t("swap.ready") : "";
  if (complete(order)) return swap ? t("swap.ask") : t("consent.ask");
  if (order.face) return swap ? t("swap.pick_clip") : t("stage.pick_motion");
  return driver(order) ? t("stage.pick_face") : "";
}

function make() {
  if (!consented(order)) {
    screen.say(t("consent.ask"));
    return askConsent();
  }
  screen.hold();
  go();
}

// A reload finds the choice again, also where nothing came of it.
function remember() {
  return keep({ order: structuredClone(order), key: null, id: null });
}

function askConsent() {
  $("consent").focus({ preventScroll: true });
  screen.reveal(order.act === "swap" ? $("stage") : undefined);
}

function go() {
  run?.stop();
  return follow(Run.of(structuredClone(order), screen.work));
}

async function follow(next) {
  run = next;
  problem.clear();
  player.unload();
  scene.play(false);
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
  compare.offer(made.part);
  result.offer(job, made.options.format);
  const index = made.index === LARGEST ? 0 : Number(made.index);
  screen.people(made.face.file ? job.faces : [], index, (position) => {
    order.index = String(position);
    if (whole(order)) go();
    else changed();
  });
  screen.done(made.act === "swap");
}

// A done one is a result of an earlier visit, whose end is no news.
function fail(error, { order: made, done }) {
  const code = error instanceof Problem ? error.code : "internal";
  const quiet = done || code === "cancelled";
  screen.say(code === "cancelled" ? t("work.cancelled") : "");
  if (quiet) {
    remember();
    return wait();
  }
  const told = error instanceof Problem ? error : new Problem(code);
  const party = problem.partyOf(told, made);
  forgetRefused(code, party, made);
  remember();
  if (party) wait();
  else screen.state("failed");
  problem.show(told, made, help, party);
  screen.reveal(party ? problem.placeOf(party) : undefined);
  if (code === "internal") console.error(error);
}

// What the server could not read is not offered again.
function forgetRefused(code, party, made) {
  const face = party === "face" || (made.act !== "swap" && !driver(made)?.file); // or either of two files
  if (face && made.face?.file && faces.UNREADABLE.includes(code)) {
    if (order.face?.file) order.face = null;
    faces.forgetOwn();
  } else if (party === "clip" && ["unsupported_media", "driving_unreadable"].includes(code)) {
    order.scene = null;
    scene.forgetOwn();
  } else return;
  showChoice();
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
  if (order.scene?.file) scene.forgetOwn();
  order.scene = order.part = null;
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
  for (const name of ["strength", "likeness"])
    $(`${name}-value`).textContent = number(order.options[name], { style: "percent" });
}

// After a reload: the same choice, and the same job where there was one.
async function resume() {
  const found = await kept();
  if (!found) return;
  Object.assign(order, found.order);
  const swap = order.act === "swap";
  if (order.face && !(swap && !order.scene))
    asked = [order.act, order.face.file ?? order.face.id, swap && (order.scene.file ?? order.scene.id)];
  setOptions($("options"), order.options);
  readOptions();
  showAct();
  showChoice();
  await $("original").decode().catch(() => {}); // the stage takes its shape from it
  faces.showChosen();
  if (found.key && whole(order)) return void follow(new Run(found, screen.work));
  wait();
  screen.say(lacking());
}
