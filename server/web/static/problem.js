// What went wrong, in the visitor's words, and what helps.

import { hold } from "./screen.js";
import { $, has, make, number, spoken, t } from "./text.js";

const PART = "part", PHOTO = "photo", CLIP = "clip", FILE = "file", AGAIN = "again", RELOAD = "reload", CONSENT = "consent", KEY = "key";
const REJECTED = "rejected"; // the operator's own words say why
const HELP = {
  no_face_found: FILE, face_too_small: FILE, unsupported_media: FILE, upload_too_large: FILE,
  image_unreadable: PHOTO, image_too_large: PHOTO, face_index_out_of_range: PHOTO,
  driving_unreadable: CLIP, driving_too_long: CLIP, driving_still: CLIP,
  template_not_found: RELOAD, invalid_option: RELOAD, motion_outdated: RELOAD,
  face_turned_away: CLIP, face_blocked: PHOTO, rejected: FILE, consent_required: CONSENT,
  unauthorized: KEY, key_unknown: KEY, forbidden: KEY,
};

const BOTH = ["no_face_found", "face_too_small", "face_blocked", "unsupported_media", "upload_too_large"];
const PLACES = { face: "face-trouble", clip: "clip-trouble" };

// Which of the two choices of a swap a problem is of, "face" or "clip"; null where of neither. Of what can be wrong with
// both the server's sentence tells; of two files that are too heavy together, the clip is the heavy one.
export function partyOf({ code, detail }, order) {
  if (order.act !== "swap") return null;
  if (!BOTH.includes(code)) return { [CLIP]: "clip", [PHOTO]: "face" }[HELP[code]] ?? null;
  if (code === "upload_too_large") return order.scene?.file ? "clip" : "face";
  return /\bclip\b|video track/i.test(detail) && !/photo/i.test(detail) ? "clip" : "face";
}

// Where it is told: beside what is to be chosen anew, else on the stage.
export function placeOf(party) {
  return $(PLACES[party] ?? "problem");
}

// `help` has a function for each of the remedies above but FILE, which is the photo or the clip of `order`, and
// KEY, which is a form.
export function show(problem, order, help, party = null) {
  clear();
  const code = has(`error.${problem.code}`) ? problem.code : "internal";
  const remedies = remediesOf(code, order, party);
  const wait = problem.wait ? ` ${t("error.wait", { seconds: number(problem.wait) })}` : "";
  const sentence = code === problem.code ? say(code, party) : problem.detail || t("error.internal");
  const place = placeOf(party);
  place.replaceChildren(
    make("p", {}, make("strong", { textContent: sentence })),
    ...(problem.code === REJECTED && problem.detail ? [make("p", { textContent: problem.detail, dir: "auto" })] : []),
    make("p", { textContent: say(`${code}.next`, party) + wait }),
    make("p", { className: "row" }, ...remedies.filter((it) => it !== KEY).map((it) => buttonOf(it, help[it]))),
  );
  place.dataset.code = problem.code;
  $("access").hidden = !remedies.includes(KEY);
}

// Some have other words where a clip is meant.
function say(code, party) {
  return party === "clip" && has(`clip.${code}`) ? t(`clip.${code}`) : t(`error.${code}`);
}

// Where the server does not say which of two files it means, both can be changed.
function remediesOf(code, order, party) {
  if (code === "driving_too_long" && party && order.scene?.file && !order.part) return [PART, CLIP];
  if (party && HELP[code] !== RELOAD) return [party === "clip" ? CLIP : PHOTO];
  const remedy = HELP[code] ?? AGAIN;
  if (remedy !== FILE) return [remedy];
  const own = [order.face?.file && PHOTO, order.motion?.file && CLIP].filter(Boolean);
  return own.length ? own : [PHOTO];
}

function buttonOf(remedy, help) {
  const values = { length: spoken($("scene-line").dataset.secondsMost) };
  const button = make("button", { type: "button", className: "main", textContent: t(`help.${remedy}`, values) });
  button.addEventListener("click", () => {
    hold();
    help();
  });
  return button;
}

export function clear() {
  for (const party of [null, ...Object.keys(PLACES)]) {
    placeOf(party).replaceChildren();
    delete placeOf(party).dataset.code;
  }
  $("access").hidden = true;
}
